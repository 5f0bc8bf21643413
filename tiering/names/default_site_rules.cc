// SPDX-License-Identifier: Apache-2.0
// The rules that need no file. Symbols of llama.cpp were read from recorded stacks of its release
// b-series libraries; those of PyTorch and oneDNN are the exported functions that their sources
// name. docs/names.md says what is left unrecognised and why.
#include "tiering/names/site_rules.h"

namespace terrace::names {

const std::string& default_site_rules() {
  static const std::string text = R"(
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

# PyTorch: what a file is read into, what oneDNN works in, what an operation returns.
[[site]]
name = "checkpoint record {n}"
class = "staging"
symbols = ["caffe2::serialize::PyTorchStreamReader"]

[[site]]
name = "oneDNN scratchpad {n}"
class = "scratch"
symbols = ["dnnl::impl::*scratchpad"]

[[site]]
name = "operation result {n}"
class = "activation"
symbols = ["c10::alloc_cpu", "at::native::structured_"]
confidence = 60
)";
  return text;
}

}  // namespace terrace::names
