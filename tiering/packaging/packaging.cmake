# SPDX-License-Identifier: Apache-2.0
# What is installed, in four components, each of which is a Debian package of its own: library,
# dev (headers, find_package, pkg-config), tools (the command line) and preload.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Terrace)

target_include_directories(terrace INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(terrace INTERFACE cxx_std_20)
install(TARGETS terrace EXPORT TerraceTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(EXPORT TerraceTargets NAMESPACE Terrace:: DESTINATION ${config_folder} COMPONENT dev)
install(DIRECTORY allocators/include/ tiering/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT dev FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
configure_package_config_file(tiering/packaging/TerraceConfig.cmake.in ${CMAKE_BINARY_DIR}/TerraceConfig.cmake
  INSTALL_DESTINATION ${config_folder} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_BINDIR)
# Before 1.0 each minor version may change the command line's and the C++ interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TerraceConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TerraceConfig.cmake
  ${CMAKE_BINARY_DIR}/TerraceConfigVersion.cmake DESTINATION ${config_folder} COMPONENT dev)
# By cmake --install, since its --prefix must show in the file.
install(CODE "
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
  foreach(folder LIBDIR INCLUDEDIR)
    set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
    set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
    set(CMAKE_INSTALL_FULL_\${folder} \"\${CMAKE_INSTALL_PREFIX}/\${CMAKE_INSTALL_\${folder}}\")
  endforeach()
  configure_file(\"${CMAKE_SOURCE_DIR}/tiering/packaging/terrace.pc.in\"
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig/terrace.pc\" @ONLY)
" COMPONENT dev)

install(TARGETS terrace-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
# As cmake --install runs it, so that the shell completes what this very program takes.
install(CODE "
  execute_process(COMMAND \"$<TARGET_FILE:terrace-cli>\" completion bash
    OUTPUT_VARIABLE completion COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/bash-completion/completions/terrace\"
    \"\${completion}\")
" COMPONENT tools)
install(FILES docs/terrace.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tools)
install(FILES docs/terrace.3 docs/terrace_kv.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT dev)
# What the quick start records, where programs lie that are not typed every day.
if(TARGET known_heat)
  install(TARGETS known_heat RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/terrace COMPONENT tools)
endif()
# Messages and manual pages name documents by their paths from the project's folder.
set(documents ${CMAKE_INSTALL_DATADIR}/doc/terrace)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${documents} COMPONENT tools)
install(DIRECTORY docs DESTINATION ${documents} COMPONENT tools PATTERN "*.[13]" EXCLUDE)
foreach(pair library:libterrace1 dev:libterrace-dev tools:terrace-tools preload:terrace-preload)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} RENAME copyright
    COMPONENT ${component})
endforeach()
if(TARGET terrace-preload)
  install(TARGETS terrace-preload LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT preload)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_SOURCE_DIR}/tiering/packaging/cpack_needs.cmake)
set(CPACK_PACKAGE_NAME terrace)
set(CPACK_PACKAGE_CONTACT "Terrace maintainers <maintainers@terrace.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_COMPONENTS_ALL library dev tools preload)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_IGNORE_GROUPS ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The tools need the library's own neighbours, not the library: nothing of ours is searched for.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libterrace1)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libterrace-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libterrace1 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME terrace-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "terrace-preload (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_PRELOAD_PACKAGE_NAME terrace-preload)
set(CPACK_DEBIAN_PRELOAD_PACKAGE_SECTION libs)
include(CPack)
