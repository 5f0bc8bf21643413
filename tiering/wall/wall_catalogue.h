// SPDX-License-Identifier: Apache-2.0
// The catalogue as the predictor sees it: machines, language models in formats, and the fitted
// constants. Used by every sub-word of `terrace wall`. Thread-safe after loading; allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/answer.h"
#include "tiering/wall/fit_file.h"
#include "tiering/wall/wall_machine.h"

namespace terrace::wall {

struct FormatChoice {
  std::string weights;  ///< empty: a model file's own formats, f16 for the catalogue's models
  std::string kv = "f16";
};

class WallCatalogue {
 public:
  /// Machines and models of the folders, a later folder over an earlier one; constants from the
  /// last folder that has predictor/decode.toml. Errors: kUsage with file:line, kIo.
  static Result<WallCatalogue> load(const std::vector<std::string>& folders);

  const FittedConstants& constants() const { return constants_; }
  std::vector<std::string> machine_names() const;
  std::vector<std::string> model_names() const;

  /// A catalogue name or a model file. Errors kUsage with the nearest name.
  Result<ModelLoads> find_loads(const std::string& model, const FormatChoice& formats) const;

  /// The machine with so many CXL expanders, its compute for this weight format. Errors kUsage: no
  /// such machine (with the nearest name), or more expanders than it takes.
  Result<WallMachine> find_machine(const std::string& name, std::uint64_t cxl_devices,
                                   const std::string& weight_format) const;

  /// Expanders that the machine takes at most; 0 for a machine without such slots.
  std::uint64_t cxl_slots(const std::string& name) const;

  /// Nominal bandwidth of the graphics processor whose name ends so ("4090"); 0: there is none.
  double accelerator_gbps(const std::string& card) const;

 private:
  struct Entries;
  std::shared_ptr<const Entries> entries_;
  FittedConstants constants_;
};

}  // namespace terrace::wall
