// SPDX-License-Identifier: Apache-2.0
// terrace status: what a running program has where, from the program itself.
#include <cstdio>

#include <fmt/format.h>

#include "allocators/base/show_bytes.h"
#include "tiering/cli/ask_status.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/status_text.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;

int one_process(const Call& call) {
  const Result<Json> process = ask_status(call.line.argument);
  if (!process.ok()) return failed(process.error());
  if (!call.settings.flag("json")) {
    std::fputs(status_text(*process).c_str(), stdout);
    return 0;
  }
  Json json =
      json_document("status", process->value("machine_id", ""), process->value("emulated", false));
  json["process"] = *process;
  print_json(json);
  return 0;
}

int all_processes(const Call& call) {
  const Result<Json> list = list_processes();
  if (!list.ok()) return failed(list.error());
  if (call.settings.flag("json")) {
    Json json = json_document("status-list", "", false);
    json["processes"] = *list;
    print_json(json);
    return 0;
  }
  TextTable table({{"pid", Align::kRight},
                   {"objects", Align::kRight},
                   {"memory", Align::kRight},
                   {"state"},
                   {"program"}});
  for (const Json& entry : *list) {
    const bool known = !entry.at("objects").is_null();
    table.add({fmt::format("{}", entry.at("pid").get<int>()),
               known ? fmt::format("{}", entry.at("objects").get<std::uint64_t>()) : "",
               known ? show_bytes(Bytes(entry.at("bytes").get<std::uint64_t>())) : "",
               entry.at("state").get<std::string>(), entry.at("name").get<std::string>()});
  }
  if (list->empty()) {
    say_hint("no process runs under Terrace; next: terrace run -- PROGRAM");
  } else {
    std::fputs(table.text().c_str(), stdout);
    say_hint("next: terrace status PID, or terrace top PID");
  }
  return 0;
}

}  // namespace

int status_verb(const Call& call) {
  return call.line.argument.empty() ? all_processes(call) : one_process(call);
}

}  // namespace terrace::cli
