// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/html/html_page.h"

#include "profiler/report/html/page_parts.h"

namespace terrace::report {
namespace {

// No request leaves the page, whatever is in its data.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

/// As it may stand inside a script element: nothing in it can end the element or open a comment.
std::string inside_script(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

std::string inside_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void add_element(std::string& html, std::string_view opening, std::string_view content,
                 std::string_view closing) {
  html += opening;
  html += content;
  html += closing;
}

}  // namespace

bool has_chart_library() {
  return !chart_library().empty();
}

Result<std::string> html_page(const HtmlPage& page) {
  if (!has_chart_library()) {
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "this build has no HTML pages: it was made without npm; install npm, run "
                      "cmake again and build, or use --json or --csv");
  }
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  add_element(html, "<meta http-equiv=\"Content-Security-Policy\" content=\"", kPolicy, "\">\n");
  html += "<link rel=\"icon\" href=\"data:,\">\n";
  add_element(html, "<title>", inside_text(page.title), "</title>\n");
  add_element(html, "<style>\n", page_style(), "</style>\n");
  html += "</head>\n<body>\n<main></main>\n";
  add_element(html, "<script id=\"data\" type=\"application/json\">", inside_script(page.data),
              "</script>\n");
  for (const std::string_view script : {chart_library(), page_script(), page.script})
    add_element(html, "<script>\n", script, "\n</script>\n");
  html += "</body>\n</html>\n";
  return html;
}

}  // namespace terrace::report
