// SPDX-License-Identifier: Apache-2.0
// terrace wall: what bounds a language model on a machine, before anyone buys it. The sub-word
// after the verb picks the question; each has a function of its own.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/suggest.h"
#include "tiering/cli/verbs/verbs.h"
#include "tiering/cli/wall_choices.h"
#include "tiering/cli/wall_output.h"
#include "tiering/cli/wall_validate.h"
#include "tiering/cli/wall_weigh.h"

namespace terrace::cli {
namespace {

// Of the contexts that a page draws.
constexpr std::uint64_t kShortest = 1 << 10;
constexpr std::uint64_t kLongest = 1 << 20;

using Machines = std::vector<OptionId>;

Result<std::vector<wall::Sweep>> sweep_all(const wall::WallCatalogue& catalogue,
                                           const std::vector<wall::SweepRequest>& requests) {
  std::vector<wall::Sweep> swept;
  for (const wall::SweepRequest& request : requests) {
    Result<wall::Sweep> one = wall::sweep(catalogue, request);
    if (!one.ok()) return one.error();
    swept.push_back(std::move(*one));
  }
  return swept;
}

/// A page has curves even when one context was asked for: that one among 1k to 1M.
void widen_for_page(std::vector<wall::SweepRequest>& requests) {
  for (wall::SweepRequest& request : requests) {
    std::vector<std::uint64_t>& contexts = request.ranges.contexts;
    if (contexts.size() > 1) continue;
    for (std::uint64_t context = kShortest; context <= kLongest; context *= 2)
      contexts.push_back(context);
    std::sort(contexts.begin(), contexts.end());
    contexts.erase(std::unique(contexts.begin(), contexts.end()), contexts.end());
  }
}

bool any_fits(const std::vector<wall::Sweep>& swept) {
  return std::any_of(swept.begin(), swept.end(), wall::anything_fits);
}

Result<int> predict(const Settings& settings, const wall::WallCatalogue& catalogue,
                    const Machines& options) {
  const Status outputs = check_wall_outputs(settings);
  if (!outputs.ok()) return outputs.error();
  std::vector<wall::SweepRequest> requests;
  for (const OptionId option : options) {
    const Result<std::string> machine = required_text(settings, option, "rtx-4090");
    if (!machine.ok()) return machine.error();
    const Result<wall::SweepRequest> request = sweep_choice(settings, *machine);
    if (!request.ok()) return request.error();
    requests.push_back(*request);
  }
  const auto swept = sweep_all(catalogue, requests);
  if (!swept.ok()) return swept.error();
  if (!any_fits(*swept)) {
    for (const wall::Sweep& one : *swept) say_error(wall::why_nothing_fits(one));
    return static_cast<int>(ErrorCode::kInfeasible);
  }
  std::vector<wall::Sweep> page;
  if (settings.given("html")) {
    widen_for_page(requests);
    Result<std::vector<wall::Sweep>> wide = sweep_all(catalogue, requests);
    if (!wide.ok()) return wide.error();
    page = std::move(*wide);
  }
  const Status put = put_out_sweeps(settings, *swept, page, catalogue.constants());
  if (!put.ok()) return put.error();
  return 0;
}

Result<int> predict_one(const Settings& settings, const wall::WallCatalogue& catalogue) {
  return predict(settings, catalogue, {OptionId("machine")});
}

Result<int> compare(const Settings& settings, const wall::WallCatalogue& catalogue) {
  return predict(settings, catalogue, {OptionId("machine"), OptionId("against")});
}

Result<int> list_names(const Settings& settings, const wall::WallCatalogue& catalogue) {
  if (settings.flag("json")) {
    nlohmann::ordered_json document = json_document("wall-names", "", false);
    document["machines"] = catalogue.machine_names();
    document["models"] = catalogue.model_names();
    print_json(document);
    return 0;
  }
  std::string text = "machines:\n";
  for (const std::string& name : catalogue.machine_names()) text += "  " + name + "\n";
  text += "models:\n";
  for (const std::string& name : catalogue.model_names()) text += "  " + name + "\n";
  std::fputs(text.c_str(), stdout);
  return 0;
}

struct SubWord {
  std::string_view name;
  Result<int> (*answer)(const Settings&, const wall::WallCatalogue&);
};

constexpr std::array<SubWord, 6> kSubWords = {{
    {"predict", predict_one},
    {"compare", compare},
    {"validate", validate_wall},
    {"edge", weigh_edge},
    {"size", size_machines},
    {"names", list_names},
}};

}  // namespace

int wall_verb(const Call& call) {
  const std::string word = call.line.argument.empty() ? "predict" : call.line.argument;
  std::vector<std::string_view> names;
  for (const SubWord& one : kSubWords) {
    names.push_back(one.name);
    if (one.name != word) continue;
    const Result<wall::WallCatalogue> catalogue = load_catalogue_choice(call.settings);
    if (!catalogue.ok()) return failed(catalogue.error());
    const Result<int> code = one.answer(call.settings, *catalogue);
    return code.ok() ? *code : failed(code.error());
  }
  const std::string hint = suggestion(word, names);
  say_error("unknown word \"" + word.substr(0, 60) + "\" after wall" +
            (hint.empty() ? "; it is predict, compare, validate, edge, size or names" : hint));
  return static_cast<int>(ErrorCode::kUsage);
}

}  // namespace terrace::cli
