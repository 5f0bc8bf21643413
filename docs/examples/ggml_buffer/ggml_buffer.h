// SPDX-License-Identifier: Apache-2.0
// A buffer type for ggml: what llama.cpp and other programs of its kind allocate through it lies in
// Terrace's tiers. Weights go there by llama_model_params.tensor_buft_overrides.
#pragma once

#include <ggml-backend.h>
#include <terrace/terrace.h>

struct TerraceBuffers {
  terrace_context machine{};   ///< open as long as any of the buffers lives
  const char* tier = nullptr;  ///< wish; nullptr: the fastest with room
};

/// Of the CPU device, which is registered already. `from` stays as long as the type is used; each
/// call makes a new type, which is never freed, as ggml's own are not.
ggml_backend_buffer_type_t terrace_buffer_type(TerraceBuffers& from);
