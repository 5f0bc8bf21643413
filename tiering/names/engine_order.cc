// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/engine_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

namespace terrace::names {
namespace {

// Before the layers.
constexpr std::array<std::string_view, 5> kHead = {"token_embd.weight", "position_embd.weight",
                                                   "output_norm.weight", "output_norm.bias",
                                                   "output.weight"};

// Within a layer, without "blk.N." and without ".weight".
constexpr std::array<std::string_view, 28> kLayer = {
    "attn_norm",        "attn_q",         "attn_k",       "attn_v",
    "attn_output",      "attn_q.bias",    "attn_k.bias",  "attn_v.bias",
    "attn_output.bias", "attn_q_norm",    "attn_k_norm",  "ffn_norm",
    "rope_freqs",       "ffn_gate",       "ffn_down",     "ffn_up",
    "ffn_gate.bias",    "ffn_down.bias",  "ffn_up.bias",  "ffn_gate_inp",
    "ffn_gate_exps",    "ffn_down_exps",  "ffn_up_exps",  "ffn_gate_inp_shexp",
    "ffn_gate_shexp",   "ffn_down_shexp", "ffn_up_shexp", "layer_output_norm"};

template <typename List>
std::size_t place_in(const List& list, std::string_view word) {
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), word) - list.begin());
}

std::string_view within_layer(std::string_view name) {
  if (name.starts_with("blk.")) name.remove_prefix(4);
  name.remove_prefix(std::min(name.find('.') + 1, name.size()));
  if (name.ends_with(".weight")) name.remove_suffix(7);
  return name;
}

/// (group, layer, place): the head, the layers, the rest.
std::tuple<int, std::int32_t, std::size_t> key_of(std::string_view name) {
  const std::size_t head = place_in(kHead, name);
  if (head < kHead.size()) return {0, 0, head};
  const std::int32_t layer = session::layer_in(name);
  if (layer >= 0) return {1, layer, place_in(kLayer, within_layer(name))};
  return {2, 0, 0};
}

}  // namespace

bool order_is_known(std::string_view architecture) {
  return architecture == "llama";
}

bool is_embedding(std::string_view name) {
  return name == "token_embd.weight" || name == "position_embd.weight";
}

bool is_output(std::string_view name) {
  return name == "output.weight";
}

std::vector<std::size_t> engine_order(const std::vector<ModelTensor>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return key_of(tensors[a].name) < key_of(tensors[b].name);
  });
  return order;
}

}  // namespace terrace::names
