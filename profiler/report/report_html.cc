// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/report_html.h"

#include "profiler/heat/timeline.h"
#include "profiler/report/html/html_page.h"
#include "profiler/report/html/report_parts.h"
#include "profiler/report/page_json.h"
#include "profiler/report/words.h"

namespace terrace::report {

Result<std::string> report_html(const session::Session& session, const heat::HeatMap& map,
                                const PageView& view) {
  constexpr std::size_t kHistoryColumns = 240;
  const heat::Timeline timeline = heat::build_timeline(session);
  const PlacementHistory history = make_placement_history(session, kHistoryColumns);
  std::string script;
  for (const std::string_view part :
       {heat_view_script(), sort_table_script(), report_chart_script(), report_page_script()}) {
    script += part;
    script += '\n';
  }
  return html_page({"Terrace: heat of " + printable(map.executable), script,
                    page_json(map, timeline, history, view).dump()});
}

}  // namespace terrace::report
