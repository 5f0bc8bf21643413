// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/html/html_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::report::html_page_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HtmlPage, DataCannotEndItsElementAndTitlesAreText) {
  if (!has_chart_library()) GTEST_SKIP() << "this build has no chart library (npm)";
  const auto html = html_page({"a <b> & c", "run();", R"({"x":"</script><img src=x>"})"});
  ASSERT_TRUE(html.ok());
  EXPECT_THAT(*html, HasSubstr("<title>a &lt;b> &amp; c</title>"));
  EXPECT_THAT(*html, HasSubstr(R"({"x":"\u003c/script>\u003cimg src=x>"})"));
  EXPECT_THAT(*html, Not(HasSubstr("</script><img")));
}

TEST(HtmlPage, HoldsAllThatItNeedsAndForbidsRequests) {
  if (!has_chart_library()) GTEST_SKIP() << "this build has no chart library (npm)";
  const auto html = html_page({"t", "run();", "{}"});
  ASSERT_TRUE(html.ok());
  EXPECT_THAT(*html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(*html, HasSubstr("terracePage"));
  EXPECT_THAT(*html, HasSubstr("run();"));
  EXPECT_THAT(*html, Not(HasSubstr("<script src")));
  EXPECT_GT(html->size(), 500000u);
}

TEST(HtmlPage, WithoutAChartLibraryTheErrorSaysHowToGetIt) {
  if (has_chart_library()) GTEST_SKIP() << "this build has a chart library";
  const auto html = html_page({"t", "run();", "{}"});
  ASSERT_FALSE(html.ok());
  EXPECT_EQ(html.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_THAT(html.error().message, HasSubstr("install npm"));
}

}  // namespace
}  // namespace terrace::report::html_page_test
