// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>

#include "tiering/model/model_file_readers.h"
#include "tiering/model/model_shape.h"
#include "tiering/model/tensor_names.h"

namespace terrace::model {
namespace {

constexpr std::size_t kMaxShards = 99'999;
// "-00001-of-00003.gguf", as llama.cpp's splitter names its files.
constexpr std::size_t kSuffix = 20;

struct Key {
  std::string_view fact;
  std::string_view key;  ///< after the architecture's name and a dot
};
constexpr Key kKeys[] = {
    {"layers", "block_count"},
    {"hidden", "embedding_length"},
    {"vocab", "vocab_size"},
    {"heads", "attention.head_count"},
    {"kv_heads", "attention.head_count_kv"},
    {"ffn", "feed_forward_length"},
    {"experts", "expert_count"},
    {"active_experts", "expert_used_count"},
    {"shared_experts", "expert_shared_count"},
    {"expert_ffn", "expert_feed_forward_length"},
    {"dense_layers", "leading_dense_block_count"},
    {"kv_rank", "attention.kv_lora_rank"},
    {"q_rank", "attention.q_lora_rank"},
    {"rope_dim", "rope.dimension_count"},
    {"head_dim", "attention.key_length"},
};

class GgufFacts {
 public:
  explicit GgufFacts(const GgufHeader& header) : header_(header) {
    const auto found = header.strings.find("general.architecture");
    if (found != header.strings.end()) architecture_ = found->second;
  }

  const std::string& architecture() const { return architecture_; }

  std::vector<std::uint64_t> operator()(std::string_view fact) const {
    if (fact == "nope_dim" || fact == "value_dim") return latent_width(fact);
    for (const Key& key : kKeys) {
      if (key.fact == fact) return get(key.key);
    }
    return {};
  }

  std::uint64_t first(std::string_view key) const {
    const auto values = get(key);
    return values.empty() ? 0 : values[0];
  }

 private:
  std::vector<std::uint64_t> get(std::string_view key) const {
    const std::string name = architecture_ + "." + std::string(key);
    const auto one = header_.integers.find(name);
    if (one != header_.integers.end()) return {one->second};
    const auto many = header_.integer_arrays.find(name);
    return many == header_.integer_arrays.end() ? std::vector<std::uint64_t>{} : many->second;
  }

  /// Files that store the latent have the heads' own widths under _mla; older ones under the usual
  /// keys. A key's width has the rotated part in it.
  std::vector<std::uint64_t> latent_width(std::string_view fact) const {
    const bool is_key = fact == "nope_dim";
    auto width = get(is_key ? "attention.key_length_mla" : "attention.value_length_mla");
    if (width.empty()) width = get(is_key ? "attention.key_length" : "attention.value_length");
    const std::uint64_t rope = first("rope.dimension_count");
    if (is_key && !width.empty()) width[0] = width[0] > rope ? width[0] - rope : 0;
    return width;
  }

  const GgufHeader& header_;
  std::string architecture_;
};

TensorShape shape_of(const GgufTensor& tensor) {
  TensorShape shape;
  shape.name = tensor.name;
  shape.role = role_of(tensor.name);
  shape.layer = layer_of(tensor.name);
  shape.cols = tensor.shape[0];
  shape.rows = 1;
  const bool stacked = tensor.name.find("_exps") != std::string::npos &&
                       expert_of(tensor.name).expert < 0 && tensor.shape.size() == 3;
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) {
    if (stacked && i == 2) {
      shape.experts = tensor.shape[i];
    } else {
      shape.rows *= tensor.shape[i];
    }
  }
  shape.stored = Bytes(tensor.bytes);
  shape.stored_format = tensor.type->name;
  return shape;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

std::vector<std::string> shards_of_gguf(const std::string& path) {
  if (path.size() <= kSuffix) return {path};
  const std::string suffix = path.substr(path.size() - kSuffix);
  const bool is_shard = suffix[0] == '-' && all_digits(suffix.substr(1, 5)) &&
                        suffix.substr(6, 4) == "-of-" && all_digits(suffix.substr(10, 5)) &&
                        suffix.substr(15) == ".gguf";
  if (!is_shard) return {path};
  const auto count = std::strtoul(suffix.substr(10, 5).c_str(), nullptr, 10);
  if (count == 0 || count > kMaxShards) return {path};
  std::vector<std::string> shards;
  for (unsigned long i = 1; i <= count; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "-%05lu-of-%05lu.gguf", i, count);
    shards.push_back(path.substr(0, path.size() - kSuffix) + name);
  }
  return shards;
}

Result<LanguageModel> read_gguf_model(const std::string& path) {
  std::vector<GgufHeader> headers;
  for (const std::string& shard : shards_of_gguf(path)) {
    auto header = read_gguf_header(shard);
    if (!header) return header.error();
    headers.push_back(std::move(*header));
  }
  const auto count = headers[0].integers.find("split.count");
  if (count != headers[0].integers.end() && count->second != headers.size() && count->second > 1) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.160s: is one of %llu files, but its name does not say which; name them "
                      "m-00001-of-%05llu.gguf and so on",
                      path.c_str(), static_cast<unsigned long long>(count->second),
                      static_cast<unsigned long long>(count->second));
  }
  return model_of_gguf(path, headers);
}

Result<LanguageModel> model_of_gguf(const std::string& path,
                                    const std::vector<GgufHeader>& headers) {
  const GgufFacts facts(headers[0]);
  if (facts.architecture().empty()) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.200s: lacks general.architecture, so its keys have no names; name a model "
                      "of the catalogue",
                      path.c_str());
  }
  std::vector<TensorShape> tensors;
  std::set<std::string> names;
  for (const GgufHeader& header : headers) {
    for (const GgufTensor& tensor : header.tensors) {
      if (!names.insert(tensor.name).second) {
        return make_error(ErrorCode::kUsage, 0, "%.160s: tensor %.60s is in two files of the set",
                          path.c_str(), tensor.name.c_str());
      }
      tensors.push_back(shape_of(tensor));
    }
  }
  auto model = shape_from_facts(path, std::cref(facts), with_experts_stacked(std::move(tensors)));
  if (model) {
    model->window =
        window_of_architecture(facts.architecture(), facts.first("attention.sliding_window"));
  }
  return model;
}

}  // namespace terrace::model
