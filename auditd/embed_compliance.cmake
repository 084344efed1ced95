# Writes OUTPUT, a C file with the map from rules to controls of SOURCE (schema/compliance.json).
file(READ ${SOURCE} text)

# The strings of a JSON list, with blanks between and around; nothing when it is left out.
function(list_of RESULT INDEX MEMBER)
  string(JSON count ERROR_VARIABLE missing LENGTH ${text} rules ${INDEX} ${MEMBER})
  set(items "")
  if(NOT missing)
    set(items " ")
    math(EXPR last "${count} - 1")
    foreach(i RANGE ${last})
      string(JSON item GET ${text} rules ${INDEX} ${MEMBER} ${i})
      string(APPEND items "${item} ")
    endforeach()
  endif()
  set(${RESULT} "${items}" PARENT_SCOPE)
endfunction()

set(rows "")
string(JSON count LENGTH ${text} rules)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  list_of(rules ${i} rules)
  list_of(reach ${i} reach)
  list_of(controls ${i} controls)
  string(JSON family ERROR_VARIABLE missing GET ${text} rules ${i} family)
  if(missing)
    set(family "")
  endif()
  string(APPEND rows "    {\"${rules}\", \"${reach}\", \"${family}\", \"${controls}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"auditd/policy/compliance_table.h\"\n
const struct compliance_row compliance_table[] = {\n${rows}};
const size_t compliance_table_count = sizeof(compliance_table) / sizeof(*compliance_table);\n")
