# SPDX-License-Identifier: Apache-2.0
# Read by cpack before it packs. Without dpkg-shlibdeps it would make packages that depend on nothing.
if(CPACK_GENERATOR STREQUAL "DEB")
  foreach(pair dpkg-shlibdeps:dpkg-dev file:file)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 program)
    list(GET pair 1 package)
    find_program(FOUND_${program} ${program})
    if(NOT FOUND_${program})
      message(FATAL_ERROR "cpack -G DEB needs ${program}, of the Debian package ${package} (docs/install.md)")
    endif()
  endforeach()
endif()
