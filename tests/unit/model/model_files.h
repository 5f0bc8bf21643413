// SPDX-License-Identifier: Apache-2.0
// Small model files of each format for the tests of their readers. Allocates.
#pragma once

#include <cstdint>
#include <string>

#include "tests/unit/model/gguf_file.h"

namespace terrace::fixture {

/// A header of so many bytes of JSON and the data behind it.
inline std::string safetensors(const std::string& json, std::size_t data_bytes) {
  const std::uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + json +
         std::string(data_bytes, '\x5a');
}

/// One layer of width 8, two heads sharing a key, in BF16; 336 parameters.
inline std::string tiny_safetensors() {
  return safetensors(
      R"({"__metadata__":{"format":"pt"},)"
      R"("model.embed_tokens.weight":{"dtype":"BF16","shape":[10,8],"data_offsets":[0,160]},)"
      R"("model.layers.0.self_attn.q_proj.weight":{"dtype":"BF16","shape":[8,8],"data_offsets":[160,288]},)"
      R"("model.layers.0.self_attn.k_proj.weight":{"dtype":"BF16","shape":[4,8],"data_offsets":[288,352]},)"
      R"("model.layers.0.mlp.gate_proj.weight":{"dtype":"BF16","shape":[8,8],"data_offsets":[352,480]},)"
      R"("model.layers.0.input_layernorm.weight":{"dtype":"BF16","shape":[16],"data_offsets":[480,512]},)"
      R"("lm_head.weight":{"dtype":"BF16","shape":[10,8],"data_offsets":[512,672]}})",
      672);
}

inline std::string tiny_config() {
  return R"({"model_type":"llama","num_hidden_layers":1,"hidden_size":8,"vocab_size":10,)"
         R"("num_attention_heads":2,"num_key_value_heads":1,"intermediate_size":8,)"
         R"("tie_word_embeddings":false,"rope_theta":10000.0})";
}

/// The configuration of a layer of four experts.
inline std::string mixture_config() {
  return R"({"num_hidden_layers":1,"hidden_size":8,"vocab_size":10,"num_attention_heads":2,)"
         R"("intermediate_size":8,"num_local_experts":4,"num_experts_per_tok":1})";
}

/// Its experts, packed into one tensor.
inline std::string mixture_safetensors() {
  return safetensors(
      R"({"model.layers.0.mlp.experts.down_proj_blocks":{"dtype":"U8","shape":[4,8,1,4],)"
      R"("data_offsets":[0,128]}})",
      128);
}

/// The metadata of a model of two layers; `heads` writes attention.head_count.
template <typename Heads>
GgufBytes& model_metadata(GgufBytes& file, std::uint64_t tensors, Heads heads) {
  file.preamble(tensors, 7);
  file.string_pair("general.architecture", "llama").u32_pair("llama.block_count", 2);
  file.u32_pair("llama.embedding_length", 32).u32_pair("llama.feed_forward_length", 64);
  file.u32_pair("llama.attention.head_count_kv", 1).u32_pair("llama.vocab_size", 6);
  heads(file);
  return file;
}

/// Two F16 tensors of a model of two layers, its heads given for each layer.
inline std::string tiny_model_gguf() {
  GgufBytes file;
  model_metadata(file, 2, [](GgufBytes& to) {
    to.text("llama.attention.head_count").number<std::uint32_t>(9).number<std::uint32_t>(4);
    to.number<std::uint64_t>(2).number<std::uint32_t>(4).number<std::uint32_t>(4);
  });
  file.tensor("token_embd.weight", {32, 6}, 1, 0);
  file.tensor("blk.1.attn_q.weight", {32, 32}, 1, 384);
  return file.data(384 + 2048).bytes();
}

/// Latent attention, and a layer of six experts behind one of none.
inline std::string tiny_mixture_gguf() {
  GgufBytes file;
  file.preamble(3, 13);
  file.string_pair("general.architecture", "deepseek2").u32_pair("deepseek2.block_count", 2);
  file.u32_pair("deepseek2.embedding_length", 32).u32_pair("deepseek2.feed_forward_length", 64);
  file.u32_pair("deepseek2.attention.head_count", 4).u32_pair("deepseek2.expert_count", 6);
  file.u32_pair("deepseek2.expert_used_count", 2)
      .u32_pair("deepseek2.leading_dense_block_count", 1);
  file.u32_pair("deepseek2.expert_feed_forward_length", 16);
  file.u32_pair("deepseek2.attention.kv_lora_rank", 16);
  file.u32_pair("deepseek2.rope.dimension_count", 4);
  file.u32_pair("deepseek2.attention.key_length", 12);
  file.u32_pair("deepseek2.attention.value_length", 8);
  file.tensor("token_embd.weight", {32, 6}, 1, 0);
  file.tensor("output.weight", {32, 6}, 1, 384);
  file.tensor("blk.1.ffn_up_exps.weight", {32, 16, 6}, 1, 768);
  return file.data(768 + 6144).bytes();
}

}  // namespace terrace::fixture
