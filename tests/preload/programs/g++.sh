# SPDX-License-Identifier: Apache-2.0
# needs g++
g++ -std=c++20 -fsyntax-only -H tiny.cc
printf '#include <iostream>\n#include <map>\n#include <regex>\nint main() { std::map<std::string, int> m{{"a", 1}}; std::cout << m.size() << std::regex_match("abab", std::regex("(ab)*")) << "\\n"; }\n' >unit.cc
g++ -std=c++20 -O1 unit.cc -o unit && ./unit
