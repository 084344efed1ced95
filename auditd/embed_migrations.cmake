# Writes OUTPUT, a C file with the text of each of MIGRATIONS (schema/migrations/NNNN_name.sql) in the order of numbers.
# As bytes, not as string literals: C17 promises only 4095 characters of those.
set(arrays "")
set(rows "")
set(expected 1)
list(SORT MIGRATIONS)
foreach(migration ${MIGRATIONS})
  get_filename_component(name ${migration} NAME)
  string(REGEX MATCH "^[0-9]+" digits ${name})
  string(REGEX REPLACE "^0+" "" number "${digits}")
  if(NOT number EQUAL expected)
    message(FATAL_ERROR "schema/migrations: ${name} stands where number ${expected} should")
  endif()
  file(READ ${migration} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
                       bytes "${bytes}")
  string(APPEND arrays "static const char migration_${number}[] = {\n${bytes}0x00};\n")
  string(APPEND rows "    {${number}, migration_${number}},\n")
  math(EXPR expected "${expected} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"auditd/store/migration.h\"\n\n${arrays}
const struct store_migration store_migrations[] = {\n${rows}};
const size_t store_migration_count = sizeof(store_migrations) / sizeof(*store_migrations);\n")
