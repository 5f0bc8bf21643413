// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/model_shape.h"

#include <algorithm>

namespace terrace::model {
namespace {

std::uint64_t most(const std::vector<std::uint64_t>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::uint64_t at(const std::vector<std::uint64_t>& values, std::size_t layer) {
  if (values.size() == 1) return values[0];
  return layer < values.size() ? values[layer] : 0;
}

void fill_layers(LanguageModel& model, const Facts& facts) {
  const auto heads = facts("heads");
  auto kv_heads = facts("kv_heads");
  const auto ffn = facts("ffn");
  if (kv_heads.empty()) kv_heads = heads;
  model.heads = most(heads);
  model.kv_heads = most(kv_heads);
  model.ffn = most(ffn);
  if (std::max({heads.size(), kv_heads.size(), ffn.size()}) <= 1) return;
  for (std::size_t i = 0; i < std::min(model.layers, kMaxLayers); ++i) {
    model.per_layer.push_back({at(heads, i), at(kv_heads, i), at(ffn, i)});
  }
}

bool has_role(const std::vector<TensorShape>& tensors, TensorRole role) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const TensorShape& tensor) { return tensor.role == role; });
}

void fill_mixture(LanguageModel& model, const Facts& facts) {
  const std::uint64_t experts = most(facts("experts"));
  if (experts == 0) return;
  MixtureShape mixture;
  mixture.experts = experts;
  mixture.active = most(facts("active_experts"));
  mixture.shared = most(facts("shared_experts"));
  mixture.expert_ffn = most(facts("expert_ffn"));
  if (mixture.expert_ffn == 0) mixture.expert_ffn = model.ffn;
  mixture.shared_ffn = mixture.expert_ffn;
  mixture.dense_layers = most(facts("dense_layers"));
  model.mixture = mixture;
}

void fill_latent(LanguageModel& model, const Facts& facts) {
  const std::uint64_t rank = most(facts("kv_rank"));
  if (rank == 0) return;
  LatentAttention latent;
  latent.kv_rank = rank;
  latent.q_rank = most(facts("q_rank"));
  latent.rope_dim = most(facts("rope_dim"));
  latent.nope_dim = most(facts("nope_dim"));
  latent.value_dim = most(facts("value_dim"));
  model.latent = latent;
}

Error lacks(const std::string& path, const char* what) {
  return make_error(ErrorCode::kUsage, 0,
                    "%.200s: says nothing of its %s, so its memory cannot be told; name a model of "
                    "the catalogue",
                    path.c_str(), what);
}

Status check_file_tensors(const LanguageModel& model) {
  for (const TensorShape& tensor : model.file_tensors) {
    if (tensor.experts == 0) continue;
    if (!model.mixture) {
      return make_error(ErrorCode::kUsage, 0,
                        "%.160s: tensor %.60s has experts, but the file does not say how many a "
                        "token uses; get the file again",
                        model.place.c_str(), tensor.name.c_str());
    }
    if (tensor.experts != model.mixture->experts) {
      return make_error(ErrorCode::kUsage, 0,
                        "%.160s: tensor %.60s has %llu experts, but the file states %llu; get the "
                        "file again, with all of its parts",
                        model.place.c_str(), tensor.name.c_str(),
                        static_cast<unsigned long long>(tensor.experts),
                        static_cast<unsigned long long>(model.mixture->experts));
    }
  }
  return ok_status();
}

}  // namespace

std::optional<SlidingWindow> window_of_architecture(std::string_view architecture,
                                                    std::uint64_t tokens) {
  struct Pattern {
    std::string_view architecture;
    std::uint64_t every;
    std::uint64_t first_global;
  };
  // From the models' papers; the architectures that are missing here attend to everything.
  static constexpr Pattern kPatterns[] = {
      {"gemma2", 2, 1},  {"gemma3", 6, 5},  {"gemma3_text", 6, 5}, {"gpt-oss", 2, 1},
      {"gpt_oss", 2, 1}, {"cohere2", 4, 3}, {"mistral", 0, 0},
  };
  if (tokens == 0) return std::nullopt;
  for (const Pattern& pattern : kPatterns) {
    if (architecture == pattern.architecture) {
      return SlidingWindow{tokens, pattern.every, pattern.first_global};
    }
  }
  return std::nullopt;
}

Result<LanguageModel> shape_from_facts(const std::string& path, const Facts& facts,
                                       std::vector<TensorShape> tensors) {
  LanguageModel model;
  model.place = path;
  model.source = "the file's own header";
  const std::size_t slash = path.find_last_of('/');
  model.name = slash == std::string::npos ? path : path.substr(slash + 1);
  model.layers = most(facts("layers"));
  model.hidden = most(facts("hidden"));
  model.vocab = most(facts("vocab"));
  fill_layers(model, facts);
  model.head_dim = most(facts("head_dim"));
  if (model.head_dim == 0 && model.heads > 0) model.head_dim = model.hidden / model.heads;
  if (model.layers == 0) return lacks(path, "number of layers");
  if (model.layers > kMaxLayers) {
    return make_error(
        ErrorCode::kUsage, 0,
        "%.200s: states %llu layers, and no model has more than %llu; get the file again",
        path.c_str(), static_cast<unsigned long long>(model.layers),
        static_cast<unsigned long long>(kMaxLayers));
  }
  if (model.hidden == 0) return lacks(path, "hidden size");
  if (model.heads == 0) return lacks(path, "attention heads");
  for (const TensorShape& tensor : tensors) {
    if (tensor.role == TensorRole::kTokenEmbedding) model.vocab = tensor.rows;
  }
  if (model.vocab == 0) return lacks(path, "vocabulary");
  // Its sizes would be those of the shape in 16 bits, and pass for the file's own.
  if (tensors.empty()) return lacks(path, "weights, of which it holds none");
  model.gated = has_role(tensors, TensorRole::kFfnGate);
  model.tied = !has_role(tensors, TensorRole::kOutput);
  fill_mixture(model, facts);
  fill_latent(model, facts);
  model.file_tensors = std::move(tensors);
  model.parameters = {parameter_count(model), FigureKind::kDerived, "sum of the file's tensors"};
  if (const Status checked = check_shape(model); !checked) return checked.error();
  if (const Status checked = check_file_tensors(model); !checked) return checked.error();
  return model;
}

}  // namespace terrace::model
