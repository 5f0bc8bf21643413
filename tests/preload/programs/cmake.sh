# SPDX-License-Identifier: Apache-2.0
# needs cmake ninja g++
mkdir source && cd source || exit
printf 'cmake_minimum_required(VERSION 3.20)\nproject(p CXX)\nadd_library(a STATIC a.cc)\nadd_executable(m m.cc)\ntarget_link_libraries(m a)\n' >CMakeLists.txt
printf 'int answer() { return 42; }\n' >a.cc
printf '#include <cstdio>\nint answer();\nint main() { std::printf("%%d\\n", answer()); }\n' >m.cc
cmake -S . -B ../out -G Ninja -DCMAKE_BUILD_TYPE=Release >../log || { cat ../log; exit 1; }
cmake --build ../out >../log || { cat ../log; exit 1; }
../out/m
