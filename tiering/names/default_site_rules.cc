// SPDX-License-Identifier: Apache-2.0
// The rules that need no file. Symbols of llama.cpp were read from recorded stacks of its
// libraries; those of PyTorch are exported functions (C10_API, TORCH_API) of its sources.
// docs/names.md says what is left unrecognised and why.
#include "tiering/names/site_rules.h"

namespace terrace::names {
namespace {

constexpr const char* kLlamaCpp = R"(
# llama.cpp
[[site]]
name = "load staging {n}"
class = "staging"
symbols = ["llama_model_loader::load_all_data"]

[[site]]
name = "weights {n}"
class = "weight"
symbols = ["load_tensors"]
module = "libllama*"

[[site]]
name = "kv cache {n}"
class = "kv"
symbols = ["llama_kv_cache"]

[[site]]
name = "recurrent state {n}"
class = "kv"
symbols = ["llama_memory_recurrent"]

[[site]]
name = "outputs {n}"
class = "activation"
symbols = ["llama_context::output_reserve"]

[[site]]
name = "compute buffer {n}"
class = "scratch"
symbols = ["ggml_gallocr_"]

[[site]]
name = "graph work buffer {n}"
class = "scratch"
symbols = ["ggml_backend_cpu_graph_compute"]
)";

constexpr const char* kPyTorch = R"(
# PyTorch. torch.load hands the memory that it reads a record into to the tensor itself; what an
# operation of the dispatcher allocates beneath itself is its result.
[[site]]
name = "checkpoint record {n}"
class = "weight"
symbols = ["caffe2::serialize::PyTorchStreamReader::getRecord"]
confidence = 70

[[site]]
name = "result of a product {n}"
class = "activation"
symbols = ["c10::alloc_cpu", "at::_ops::*mm::"]
confidence = 60

[[site]]
name = "result of a linear layer {n}"
class = "activation"
symbols = ["c10::alloc_cpu", "at::_ops::linear::"]
confidence = 60

[[site]]
name = "result of a softmax {n}"
class = "activation"
symbols = ["c10::alloc_cpu", "at::_ops::*softmax::"]
confidence = 60

[[site]]
name = "result of an attention {n}"
class = "activation"
symbols = ["c10::alloc_cpu", "at::_ops::*scaled_dot_product_"]
confidence = 60
)";

}  // namespace

const std::string& default_site_rules() {
  static const std::string text = std::string(kLlamaCpp) + kPyTorch;
  return text;
}

}  // namespace terrace::names
