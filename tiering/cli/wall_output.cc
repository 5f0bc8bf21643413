// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/wall_output.h"

#include <cstdio>

#include <fmt/format.h>

#include "profiler/report/html/html_page.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/wall_text.h"
#include "tiering/wall/wall_json.h"
#include "tiering/wall/wall_page.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;

Json sweep_with_name(const wall::Sweep& swept, const wall::FittedConstants& constants) {
  Json json = {{"machine", swept.variants.front().machine.name}};
  json.update(wall::sweep_to_json(swept, constants));
  return json;
}

Status write_html(const std::string& path, const std::vector<wall::Sweep>& swept,
                  std::uint64_t asked_context, const wall::FittedConstants& constants) {
  Json data = {{"sweeps", Json::array()}};
  std::string machines;
  for (const wall::Sweep& one : swept) {
    data["sweeps"].push_back(sweep_with_name(one, constants));
    data["sweeps"].back()["asked_context"] = asked_context;
    machines += (machines.empty() ? "" : " and ") + one.variants.front().machine.name;
  }
  const Result<std::string> html =
      report::html_page({fmt::format("{} on {}", swept.front().model.name, machines),
                         wall::wall_page_script(), data.dump()});
  if (!html.ok()) return html.error();
  return write_whole(path, *html);
}

Status write_csv(const std::string& path, const std::vector<wall::Sweep>& swept) {
  std::string text;
  for (const wall::Sweep& one : swept) {
    const std::string csv = wall::sweep_as_csv(one);
    text += text.empty() ? csv : csv.substr(csv.find('\n') + 1);
  }
  return write_whole(path, text);
}

void print_sweeps(const Settings& settings, const std::vector<wall::Sweep>& swept,
                  const wall::FittedConstants& constants) {
  if (!settings.flag("json")) {
    const std::string text =
        swept.size() == 1 ? sweep_as_text(swept.front(), constants) : comparison_as_text(swept);
    std::fputs(text.c_str(), stdout);
    return;
  }
  const bool alone = swept.size() == 1;
  Json document = json_document(alone ? "wall" : "wall-comparison", "", false);
  if (alone) {
    document["machine"] = swept.front().variants.front().machine.name;
    document.update(wall::sweep_to_json(swept.front(), constants));
  } else {
    document["sweeps"] = Json::array();
    for (const wall::Sweep& one : swept)
      document["sweeps"].push_back(sweep_with_name(one, constants));
  }
  print_json(document);
}

}  // namespace

Status check_wall_outputs(const Settings& settings) {
  if (settings.given("html") && !report::has_chart_library()) {
    const Result<std::string> page = report::html_page({});
    return page.error();
  }
  if (settings.flag("force")) return ok_status();
  if (settings.given("html")) {
    const Status html = check_overwrite(settings.text("html"), OutputKind::kHtml);
    if (!html.ok()) return html;
  }
  return settings.given("csv") ? check_overwrite(settings.text("csv"), OutputKind::kCsv)
                               : ok_status();
}

Status put_out_sweeps(const Settings& settings, const std::vector<wall::Sweep>& swept,
                      const std::vector<wall::Sweep>& page,
                      const wall::FittedConstants& constants) {
  if (settings.given("html")) {
    const Status written =
        write_html(settings.text("html"), page, swept.front().ranges.contexts.front(), constants);
    if (!written.ok()) return written;
  }
  if (settings.given("csv")) {
    const Status written = write_csv(settings.text("csv"), swept);
    if (!written.ok()) return written;
  }
  print_sweeps(settings, swept, constants);
  if (settings.given("html")) say_hint("page in " + settings.text("html"));
  return ok_status();
}

}  // namespace terrace::cli
