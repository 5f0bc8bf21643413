// SPDX-License-Identifier: Apache-2.0
// terrace doctor: each capability, whether it is there, and how to get it.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/os/probes.h"
#include "tiering/cli/preload_library.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

using os::Finding;
using os::State;

constexpr int kMissingCapability = 3;

const char* name_of_state(State state) {
  switch (state) {
    case State::kThere:
      return "yes";
    case State::kPartly:
      return "partly";
    case State::kMissing:
      return "no";
  }
  return "unknown";
}

Finding probe_preload() {
  const Result<std::string> library = find_preload_library();
  Finding finding{"preload library", "run and record", State::kThere, "", "", true};
  if (library.ok()) {
    finding.detail = *library;
    return finding;
  }
  finding.state = State::kMissing;
  finding.detail = library.error().message;
  finding.remedy = "install it beside the executable or in ../lib, or name it in TERRACE_PRELOAD";
  return finding;
}

std::vector<Finding> examine() {
  std::vector<Finding> all{probe_preload()};
  for (const auto probe :
       {os::probe_user_faults, os::probe_huge_pages, os::probe_observation, os::probe_sources,
        os::probe_placement, os::probe_devices, os::probe_tiers}) {
    const std::vector<Finding> findings = probe();
    all.insert(all.end(), findings.begin(), findings.end());
  }
  return all;
}

void print_text(const std::vector<Finding>& findings) {
  TextTable table({{"there"}, {"capability"}, {"what was found"}});
  for (const Finding& finding : findings)
    table.add({name_of_state(finding.state), finding.capability, finding.detail});
  std::string text = table.text();
  std::string remedies;
  for (const Finding& finding : findings) {
    if (finding.state == State::kThere || finding.remedy.empty()) continue;
    remedies += fmt::format("- {}{}, for {}: {}\n", finding.capability,
                            finding.needed ? " (needed)" : "", finding.used_for, finding.remedy);
  }
  if (!remedies.empty()) text += "\nHow to get what is missing:\n" + remedies;
  std::fputs(text.c_str(), stdout);
}

void print_document(const std::vector<Finding>& findings, const Settings& settings) {
  const Result<Topology> topology = load_topology(settings);
  auto json = json_document("doctor", topology.ok() ? topology->machine_id : "",
                            topology.ok() && topology->emulated());
  json["capabilities"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    nlohmann::ordered_json entry;
    entry["capability"] = finding.capability;
    entry["there"] = name_of_state(finding.state);
    entry["needed"] = finding.needed;
    entry["used_for"] = finding.used_for;
    entry["detail"] = finding.detail;
    entry["remedy"] = finding.remedy;
    entry["provenance"] = "probed";
    json["capabilities"].push_back(entry);
  }
  print_json(json);
}

}  // namespace

int doctor_verb(const Call& call) {
  const std::vector<Finding> findings = examine();
  if (call.settings.flag("json")) {
    print_document(findings, call.settings);
  } else {
    print_text(findings);
  }
  say_hint("next: terrace topo");
  const bool lacking = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.needed && finding.state == State::kMissing;
  });
  return lacking && call.settings.flag("check") ? kMissingCapability : 0;
}

}  // namespace terrace::cli
