# Writes OUTPUT, a C file with the controls of SOURCE (schema/compliance.json).
file(READ ${SOURCE} text)
string(JSON count LENGTH ${text} standards)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON id GET ${text} standards ${i} id)
  string(JSON title_${id} GET ${text} standards ${i} title)
  string(JSON edition_${id} GET ${text} standards ${i} edition)
endforeach()
set(rows "")
set(ids "")
string(JSON count LENGTH ${text} controls)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON id GET ${text} controls ${i} id)
  string(JSON number GET ${text} controls ${i} number)
  string(JSON title GET ${text} controls ${i} title)
  string(REGEX REPLACE ":.*$" "" standard ${id})
  if(NOT DEFINED title_${standard})
    message(FATAL_ERROR "${SOURCE}: the control ${id} is of no standard")
  endif()
  string(APPEND rows
         "    {\"${id}\", \"${title_${standard}}\", \"${edition_${standard}}\", \"${number}\", \"${title}\"},\n")
  string(APPEND ids "    \"${id}\",\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"lib/standard_table.h\"\n
const struct standard_control standard_table[] = {\n${rows}};
const size_t standard_table_count = sizeof(standard_table) / sizeof(*standard_table);
const char *const standard_table_ids[] = {\n${ids}    NULL,\n};\n")
