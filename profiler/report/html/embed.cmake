# SPDX-License-Identifier: Apache-2.0
# terrace_embed(TARGET NAMESPACE HEADER FUNCTION FILE): defines `std::string_view FUNCTION()` of
# HEADER, which returns FILE's bytes. The assembler reads the file, so that a megabyte costs no
# compile time. Without FILE the function returns an empty text.
function(terrace_embed target namespace header function file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${function}.cc)
  set(TERRACE_EMBED_NAMESPACE ${namespace})
  set(TERRACE_EMBED_HEADER ${header})
  set(TERRACE_EMBED_FUNCTION ${function})
  set(TERRACE_EMBED_FILE ${file})
  set(directory ${CMAKE_SOURCE_DIR}/profiler/report/html)
  if(file)
    # A compiler cache sees the file's name only; its content must tell versions apart.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(SHA256 ${file} hash)
    configure_file(${directory}/embedded.cc.in ${source} @ONLY)
    set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file}
                                COMPILE_DEFINITIONS "TERRACE_EMBED_HASH=0x${hash}")
  else()
    configure_file(${directory}/embedded_nothing.cc.in ${source} @ONLY)
  endif()
  target_sources(${target} PRIVATE ${source})
endfunction()
