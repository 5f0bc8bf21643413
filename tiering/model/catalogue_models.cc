// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tiering/model/catalogue_readers.h"
#include "tiering/model/catalogue_tables.h"

namespace terrace::model {
namespace {

void read_widths(CatalogueEntry& entry, LanguageModel& model) {
  model.layers = entry.count("layers", 0);
  model.hidden = entry.count("hidden", 0);
  model.heads = entry.count("heads", 0);
  model.kv_heads = entry.count("kv_heads", model.heads);
  model.head_dim = entry.count("head_dim", model.heads > 0 ? model.hidden / model.heads : 0);
  model.ffn = entry.count("ffn", 0);
  model.vocab = entry.count("vocab", 0);
  model.positions = entry.count("positions", 0);
  model.norms_per_layer = entry.count("norms_per_layer", 2);
  model.gated = entry.said("gated", true);
  model.tied = entry.said("tied", false);
  model.qkv_bias = entry.said("qkv_bias", false);
  model.attention_output_bias = entry.said("attention_output_bias", false);
  model.ffn_bias = entry.said("ffn_bias", false);
  model.output_bias = entry.said("output_bias", false);
  model.norm_bias = entry.said("norm_bias", false);
  model.qk_norm = entry.said("qk_norm", false);
}

void read_per_layer(CatalogueEntry& entry, LanguageModel& model) {
  const auto heads = entry.counts("heads_per_layer");
  const auto kv_heads = entry.counts("kv_heads_per_layer");
  const auto ffn = entry.counts("ffn_per_layer");
  if (heads.empty() && kv_heads.empty() && ffn.empty()) return;
  for (const auto* list : {&heads, &kv_heads, &ffn}) {
    if (list->empty() || list->size() == model.layers) continue;
    const char* key = list == &heads      ? "heads_per_layer"
                      : list == &kv_heads ? "kv_heads_per_layer"
                                          : "ffn_per_layer";
    return entry.refuse(key, "has " + std::to_string(list->size()) + " figures, but layers = " +
                                 std::to_string(model.layers) + "; give one for each");
  }
  for (std::size_t i = 0; i < model.layers; ++i) {
    model.per_layer.push_back({heads.empty() ? model.heads : heads[i],
                               kv_heads.empty() ? model.kv_heads : kv_heads[i],
                               ffn.empty() ? model.ffn : ffn[i]});
  }
  // The widest layer stands for "the" heads where one figure is wanted.
  for (const LayerShape& layer : model.per_layer) {
    model.heads = std::max(model.heads, layer.heads);
    model.kv_heads = std::max(model.kv_heads, layer.kv_heads);
    model.ffn = std::max(model.ffn, layer.ffn);
  }
}

void read_mixture(CatalogueEntry& entry, LanguageModel& model) {
  const toml::table* table = entry.table("mixture");
  if (table == nullptr) return;
  CatalogueEntry inner(*table, entry.path(), "model: mixture");
  MixtureShape mixture;
  mixture.experts = inner.count("experts", 0);
  mixture.active = inner.count("active_experts", 0);
  mixture.shared = inner.count("shared_experts", 0);
  mixture.expert_ffn = inner.count("expert_ffn", 0);
  mixture.shared_ffn = inner.count("shared_ffn", mixture.expert_ffn);
  mixture.dense_layers = inner.count("dense_layers", 0);
  mixture.router_bias = inner.said("router_bias", false);
  if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
  model.mixture = mixture;
}

void read_latent(CatalogueEntry& entry, LanguageModel& model) {
  const toml::table* table = entry.table("latent_attention");
  if (table == nullptr) return;
  CatalogueEntry inner(*table, entry.path(), "model: latent_attention");
  LatentAttention latent;
  latent.kv_rank = inner.count("kv_rank", 0);
  latent.q_rank = inner.count("q_rank", 0);
  latent.rope_dim = inner.count("rope_dim", 0);
  latent.nope_dim = inner.count("nope_dim", 0);
  latent.value_dim = inner.count("value_dim", 0);
  if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
  model.latent = latent;
}

void read_window(CatalogueEntry& entry, LanguageModel& model) {
  const toml::table* table = entry.table("window");
  if (table == nullptr) return;
  CatalogueEntry inner(*table, entry.path(), "model: window");
  SlidingWindow window;
  window.tokens = inner.count("tokens", 0);
  window.every = inner.count("global_every", 0);
  window.first_global = inner.count("first_global", 0);
  if (window.tokens == 0) inner.refuse("tokens", "is missing or 0; say how far a layer sees");
  if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
  model.window = window;
}

void read_counts(CatalogueEntry& entry, LanguageModel& model) {
  if (!entry.has("parameters")) {
    entry.refuse("parameters", "is missing; add the published count");
  }
  model.parameters = entry.figure("parameters").value_or(Figure{});
  model.active_parameters = entry.figure("active_parameters");
  model.default_bits = entry.number("default_bits");
  if (model.active_parameters && model.active_parameters->value > model.parameters.value) {
    entry.refuse("active_parameters", "is more than parameters");
  }
}

Result<LanguageModel> read_model(CatalogueEntry& entry) {
  LanguageModel model;
  model.name = entry.name();
  model.place = entry.place();
  model.source = entry.required_text("source");
  model.checked = entry.text("checked");
  entry.set_default_source(model.source);
  model.size_only = entry.said("size_only", false);
  read_counts(entry, model);
  if (!model.size_only) {
    read_widths(entry, model);
    if (model.layers > kMaxLayers) {
      entry.refuse("layers", "is above " + std::to_string(kMaxLayers));
    }
    read_mixture(entry, model);
    read_latent(entry, model);
    read_window(entry, model);
    if (model.layers <= kMaxLayers) read_per_layer(entry, model);
  }
  if (const Status read = entry.finish(); !read) return read.error();
  if (const Status checked = check_shape(model); !checked) return checked.error();
  return model;
}

}  // namespace

Result<std::vector<LanguageModel>> parse_models(const std::string& text, const std::string& path) {
  return read_entries<LanguageModel>(text, path, "model", read_model);
}

}  // namespace terrace::model
