// SPDX-License-Identifier: Apache-2.0
#include "ggml_buffer.h"

#include <ggml-backend-impl.h>

#include <cstdio>

namespace {

TerraceBuffers& source_of(ggml_backend_buffer_type_t type) {
  return *static_cast<TerraceBuffers*>(type->context);
}

const char* name_of(ggml_backend_buffer_type_t) {
  return "Terrace";
}
size_t alignment_of(ggml_backend_buffer_type_t) {
  return 64;  // of the tensors in a buffer; a buffer begins at a multiple of 2 MiB
}
bool is_host(ggml_backend_buffer_type_t) {
  return true;
}

void free_buffer(ggml_backend_buffer_t buffer) {
  terrace_tensor tensor{};
  void* const base = ggml_backend_buffer_get_base(buffer);
  if (terrace_tensor_at(source_of(buffer->buft).machine, base, &tensor) == TERRACE_OK) {
    terrace_free(tensor);
  }
}

/// ggml's own buffer over memory that is given, but that Terrace frees it.
ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, size_t size) {
  const TerraceBuffers& source = source_of(type);
  terrace_tensor_options options{};
  options.struct_size = sizeof options;
  options.bytes = size != 0 ? size : 1;
  options.kind = TERRACE_WEIGHT;
  options.name = "ggml";
  options.tier = source.tier;
  terrace_tensor tensor{};
  void* at = nullptr;
  if (terrace_allocate(source.machine, &options, &tensor, &at) != TERRACE_OK) {
    std::fprintf(stderr, "terrace: %s\n", terrace_last_error());
    return nullptr;
  }
  ggml_backend_buffer_t buffer = ggml_backend_cpu_buffer_from_ptr(at, size);
  buffer->buft = type;
  buffer->iface.free_buffer = &free_buffer;
  return buffer;
}

}  // namespace

ggml_backend_buffer_type_t terrace_buffer_type(TerraceBuffers& from) {
  auto* const type = new ggml_backend_buffer_type{};
  type->iface.get_name = &name_of;
  type->iface.alloc_buffer = &allocate;
  type->iface.get_alignment = &alignment_of;
  type->iface.is_host = &is_host;
  type->device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  type->context = &from;
  return type;
}
