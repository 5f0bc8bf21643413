// SPDX-License-Identifier: Apache-2.0
// decode MODEL BACKENDS [TIERS TIER]: decodes 16 tokens with llama.cpp and prints a checksum over
// all logits; with TIERS (a tier file) and TIER its weights lie in that tier, by ggml_buffer.cc,
// and the tier's bytes are printed too.
#include <llama.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "ggml_buffer.h"

namespace {

constexpr int kTokens = 16;

/// FNV-1a over the logits' bits.
std::uint64_t decode_all(llama_model* model) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = 64;
  params.n_threads = 1;
  params.n_threads_batch = 1;
  llama_context* const context = llama_init_from_model(model, params);
  if (context == nullptr) return 0;
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  std::uint64_t sum = 0xcbf29ce484222325;
  for (llama_token i = 0; i < kTokens; ++i) {
    llama_token token = i * 7919 % vocabulary;
    if (llama_decode(context, llama_batch_get_one(&token, 1)) != 0) return 0;
    const float* const logits = llama_get_logits(context);
    for (int j = 0; j < vocabulary; ++j) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, logits + j, sizeof bits);
      sum = (sum ^ bits) * 0x100000001b3;
    }
  }
  llama_free(context);
  return sum;
}

void only_errors(ggml_log_level level, const char* text, void*) {
  if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}

int print(llama_model* model, const TerraceBuffers* buffers) {
  if (model == nullptr) return 1;
  const std::uint64_t sum = decode_all(model);
  std::printf("{\"checksum\":\"%016llx\"", static_cast<unsigned long long>(sum));
  if (buffers != nullptr) {
    terrace_tier_info info{};
    info.struct_size = sizeof info;
    std::uint32_t tier = 0;
    if (terrace_find_tier(buffers->machine, buffers->tier, &tier) != TERRACE_OK) return 1;
    if (terrace_get_tier(buffers->machine, tier, &info) != TERRACE_OK) return 1;
    std::printf(",\"model_bytes\":%llu,\"tier_bytes\":%llu",
                static_cast<unsigned long long>(llama_model_size(model)),
                static_cast<unsigned long long>(info.used_bytes));
  }
  std::puts("}");
  llama_model_free(model);
  return sum == 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    return std::fputs("usage: decode MODEL BACKENDS [TIERS TIER]\n", stderr) < 0 ? 1 : 2;
  }
  llama_log_set(&only_errors, nullptr);
  ggml_backend_load_all_from_path(argv[2]);
  llama_model_params params = llama_model_default_params();
  params.use_extra_bufts = false;  // repacked weights have another layout and other rounding
  if (argc == 3) return print(llama_model_load_from_file(argv[1], params), nullptr);

  TerraceBuffers buffers;
  terrace_options options{};
  options.struct_size = sizeof options;
  options.tiers_file = argv[3];
  buffers.tier = argv[4];
  if (terrace_open(&options, &buffers.machine) != TERRACE_OK) {
    return std::fprintf(stderr, "terrace: %s\n", terrace_last_error()) < 0 ? 2 : 1;
  }
  // Patterns are regular expressions over tensors' names; the list ends with a null.
  const llama_model_tensor_buft_override overrides[] = {{".*", terrace_buffer_type(buffers)},
                                                        {nullptr, nullptr}};
  params.tensor_buft_overrides = overrides;
  const int result = print(llama_model_load_from_file(argv[1], params), &buffers);
  terrace_close(buffers.machine);
  return result;
}
