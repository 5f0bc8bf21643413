// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "tiering/model/model_file_readers.h"
#include "tiering/model/model_shape.h"
#include "tiering/model/tensor_names.h"

namespace terrace::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxJson = 64u << 20;  // an index of a large mixture has some 10 MB
constexpr const char* kIndex = "model.safetensors.index.json";

struct Key {
  std::string_view fact;
  const char* key;
};
// Several names for one fact: the first that the file has counts.
constexpr Key kKeys[] = {
    {"layers", "num_hidden_layers"},
    {"layers", "n_layer"},
    {"hidden", "hidden_size"},
    {"hidden", "n_embd"},
    {"vocab", "vocab_size"},
    {"heads", "num_attention_heads"},
    {"heads", "n_head"},
    {"kv_heads", "num_key_value_heads"},
    {"head_dim", "head_dim"},
    {"ffn", "intermediate_size"},
    {"ffn", "n_inner"},
    {"experts", "num_local_experts"},
    {"experts", "n_routed_experts"},
    {"experts", "num_experts"},
    {"active_experts", "num_experts_per_tok"},
    {"shared_experts", "n_shared_experts"},
    {"expert_ffn", "moe_intermediate_size"},
    {"dense_layers", "first_k_dense_replace"},
    {"kv_rank", "kv_lora_rank"},
    {"q_rank", "q_lora_rank"},
    {"rope_dim", "qk_rope_head_dim"},
    {"nope_dim", "qk_nope_head_dim"},
    {"value_dim", "v_head_dim"},
};

std::vector<std::uint64_t> fact_of(const ModelConfig& config, std::string_view fact) {
  for (const Key& key : kKeys) {
    const std::uint64_t value = key.fact == fact ? config.get(key.key, 0) : 0;
    if (value > 0) return {value};
  }
  // GPT-2's width, which its configuration leaves out.
  if (fact == "ffn" && config.get("n_embd", 0) > 0) return {4 * config.get("n_embd", 0)};
  return {};
}

Result<std::string> read_json_file(const fs::path& path, const char* remedy) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file) {
    return make_error(ErrorCode::kIo, failed.value(), "%.200s: cannot be read; %s", path.c_str(),
                      remedy);
  }
  if (size > kMaxJson) {
    return make_error(ErrorCode::kUsage, 0, "%.200s: more than 64 MiB is no such file; %s",
                      path.c_str(), remedy);
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A packed matrix holds several weights in an element; scales and zero points lie beside it.
TensorShape shape_of(const SafetensorsTensor& tensor) {
  TensorShape shape;
  shape.name = tensor.name;
  shape.role = role_of(tensor.name);
  shape.layer = layer_of(tensor.name);
  shape.cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  shape.rows = 1;
  const bool stacked = tensor.name.find(".experts.") != std::string::npos &&
                       expert_of(tensor.name).expert < 0 && tensor.shape.size() >= 3 &&
                       tensor.shape.front() > 0;
  for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
    if (stacked && i == 0) {
      shape.experts = tensor.shape[i];
    } else {
      shape.rows *= tensor.shape[i];
    }
  }
  if (tensor.name.ends_with("qweight") && tensor.dtype == "I32") shape.rows *= 8;  // 4 bits each
  if (tensor.name.ends_with("_blocks") && tensor.dtype == "U8") shape.rows *= 2;
  shape.stored = Bytes(tensor.bytes);
  shape.stored_format = tensor.dtype;
  return shape;
}

}  // namespace

Result<std::vector<std::string>> shards_of_safetensors(const std::string& named) {
  const fs::path path(named);
  const bool is_index = path.extension() == ".json";
  const fs::path index = is_index ? path : path.parent_path() / kIndex;
  std::error_code failed;
  if (!is_index && !fs::exists(index, failed)) return std::vector<std::string>{path.string()};
  auto text = read_json_file(index, "name the index or a .safetensors file");
  if (!text) return text.error();
  auto names = parse_safetensors_index(*text, index.string());
  if (!names) return names.error();
  std::vector<std::string> files;
  bool is_named = is_index;
  for (const std::string& name : *names) {
    files.push_back((index.parent_path() / name).string());
    is_named = is_named || name == path.filename().string();
  }
  return is_named ? files : std::vector<std::string>{path.string()};
}

Result<LanguageModel> read_safetensors_model(const std::string& path) {
  const auto files = shards_of_safetensors(path);
  if (!files) return files.error();
  std::vector<SafetensorsHeader> headers;
  for (const std::string& file : *files) {
    auto header = read_safetensors_header(file);
    if (!header) return header.error();
    headers.push_back(std::move(*header));
  }
  const fs::path config = fs::path(path).parent_path() / "config.json";
  const auto text = read_json_file(config, "put the model's config.json beside its weights");
  if (!text) return text.error();
  const auto facts = parse_model_config(*text, config.string());
  if (!facts) return facts.error();
  return model_of_safetensors(path, headers, *facts);
}

Result<LanguageModel> model_of_safetensors(const std::string& path,
                                           const std::vector<SafetensorsHeader>& headers,
                                           const ModelConfig& config) {
  std::vector<TensorShape> tensors;
  std::set<std::string> names;
  for (const SafetensorsHeader& header : headers) {
    for (const SafetensorsTensor& tensor : header.tensors) {
      if (!names.insert(tensor.name).second) {
        return make_error(ErrorCode::kUsage, 0, "%.160s: tensor %.60s is in two files of the set",
                          path.c_str(), tensor.name.c_str());
      }
      tensors.push_back(shape_of(tensor));
    }
  }
  const Facts facts = [&](std::string_view fact) { return fact_of(config, fact); };
  auto model = shape_from_facts(path, facts, with_experts_stacked(std::move(tensors)));
  // A window that the configuration switches off is none.
  if (model && config.get("use_sliding_window", 1) != 0) {
    model->window =
        window_of_architecture(config.text("model_type"), config.get("sliding_window", 0));
  }
  return model;
}

}  // namespace terrace::model
