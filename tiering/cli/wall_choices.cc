// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/wall_choices.h"

#include <filesystem>

#include "allocators/base/number_of.h"
#include "tiering/cli/os/executable_path.h"
#include "tiering/model/catalogue.h"

namespace terrace::cli {
namespace {

Error for_option(const Settings& settings, OptionId option, const Error& error) {
  const std::string place = settings.given(option) ? settings.place(option) : "built-in value";
  return make_error(
      error.code, error.saved_errno, "%.60s: %.240s",
      place.starts_with("--") ? place.c_str() : ("--" + std::string(option.spec().key)).c_str(),
      error.message);
}

}  // namespace

wall::RangeLimits context_limits() {
  return {1, static_cast<std::uint64_t>(wall::kLongestContext), wall::Steps::kDoubling};
}

wall::RangeLimits batch_limits() {
  return {1, static_cast<std::uint64_t>(wall::kLargestBatch), wall::Steps::kDoubling};
}

Result<wall::WallCatalogue> load_catalogue_choice(const Settings& settings) {
  const std::filesystem::path executable = os::executable_path();
  const Result<std::string> own = model::find_catalogue_folder(executable.parent_path().string());
  if (!own.ok()) return own.error();
  std::vector<std::string> folders = {*own};
  if (settings.given("catalogue")) folders.push_back(settings.text("catalogue"));
  return wall::WallCatalogue::load(folders);
}

Result<std::string> required_text(const Settings& settings, OptionId option, const char* example) {
  if (settings.given(option)) return settings.text(option);
  const std::string key(option.spec().key);
  return make_error(ErrorCode::kUsage, 0,
                    "--%s is missing; write --%s %s, `terrace wall names` lists the catalogue",
                    key.c_str(), key.c_str(), example);
}

Result<std::vector<std::uint64_t>> range_choice(const Settings& settings, OptionId option,
                                                const wall::RangeLimits& limits) {
  const auto values = wall::parse_range(settings.text(option), limits);
  if (!values.ok()) return for_option(settings, option, values.error());
  return *values;
}

Result<double> amount_choice(const Settings& settings, OptionId option) {
  const std::string& text = settings.text(option);
  if (text.empty()) return 0.0;
  const auto value = number_of<double>(text);
  if (value && *value > 0) return *value;
  return for_option(
      settings, option,
      make_error(ErrorCode::kUsage, 0, "\"%.60s\" is no number above 0", text.c_str()));
}

Result<wall::SweepRequest> sweep_choice(const Settings& settings, const std::string& machine) {
  const Result<std::string> model = required_text(settings, "model", "llama3-8b");
  if (!model.ok()) return model.error();
  const auto contexts = range_choice(settings, "context", context_limits());
  if (!contexts.ok()) return contexts.error();
  const auto batches = range_choice(settings, "batch", batch_limits());
  if (!batches.ok()) return batches.error();
  const auto cxl = range_choice(settings, "cxl", {0, 64, wall::Steps::kOne});
  if (!cxl.ok()) return cxl.error();
  return wall::SweepRequest{machine,
                            *model,
                            {settings.text("quant"), settings.text("kv-quant")},
                            {*contexts, *batches, *cxl}};
}

}  // namespace terrace::cli
