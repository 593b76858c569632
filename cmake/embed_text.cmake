# SPDX-License-Identifier: Apache-2.0
# Writes a file as a C++ string: cmake -DINPUT=FILE -DOUTPUT=FILE.cpp -DNAME=NAME -P this.
# As numbers: compilers limit how long a literal may be, and which bytes it may hold.
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}"
  "#include <string_view>\nnamespace steepest::report {\nnamespace {\n"
  "const unsigned char bytes[] = {${bytes}};\n}\n"
  "extern const std::string_view ${NAME};\n"
  "const std::string_view ${NAME}(reinterpret_cast<const char*>(bytes), sizeof(bytes));\n"
  "}  // namespace steepest::report\n")
