// SPDX-License-Identifier: Apache-2.0
// Pages: whatever text comes in stays text, and no number is NaN.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "src/report/contours.hpp"
#include "src/report/page.hpp"
#include "src/report/reliability.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

using report::Json;

const std::string hostile = "</script><script>alert(1)</script>&\"'<!--";

std::size_t count(const std::string& text, const std::string& piece) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(piece, at)) != std::string::npos; at += piece.size()) {
    ++found;
  }
  return found;
}

TEST(ReportPage, EscapesMarkupAndWhatIsNoText) {
  EXPECT_EQ(report::escape_html("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(report::escape_html("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n"),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n");
  const std::string lost = "\xEF\xBF\xBD";
  EXPECT_EQ(report::escape_html("\x01\x7f"), lost + lost);
  EXPECT_EQ(report::escape_html("\xFFx"), lost + "x");
  EXPECT_EQ(report::escape_html("\xC3"), lost);                        // cut off
  EXPECT_EQ(report::escape_html("\xC0\xBC"), lost + lost);             // "<" in two bytes
  EXPECT_EQ(report::escape_html("\xED\xA0\x80"), lost + lost + lost);  // half of a pair
}

TEST(ReportPage, JsonCannotEndItsScript) {
  const std::string text = report::script_json({{hostile, hostile}, {"bad", "\xFF\xE2\x80\xA8"}});
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  for (const char c : text) {
    EXPECT_EQ(static_cast<unsigned char>(c) & 0x80, 0) << "not ASCII";
  }
  EXPECT_EQ(Json::parse(text).at(hostile), hostile);
}

TEST(ReportPage, NumbersAreShortAndNeverNan) {
  EXPECT_TRUE(report::number(std::nan("")).is_null());
  EXPECT_TRUE(report::number(std::numeric_limits<double>::infinity()).is_null());
  EXPECT_EQ(report::number(1.0 / 3.0).dump(), "0.333333");
  EXPECT_EQ(report::number(150.0).dump(), "150");
  EXPECT_EQ(report::number(-0.0).dump(), "0");
  EXPECT_EQ(report::number_text(std::nan("")), "\xE2\x80\x94");
  EXPECT_EQ(report::count_text(1234567), "1,234,567");
  EXPECT_EQ(report::count_text(-123), "-123");
  EXPECT_EQ(report::count_text(1000), "1,000");
}

TEST(ReportPage, TextOfTheDataStaysText) {
  report::Page page(hostile, hostile);
  page.lead(hostile, "good");
  page.section(hostile);
  page.paragraph(hostile);
  page.note(hostile);
  page.command(hostile);
  page.facts({{hostile, hostile}});
  page.table({hostile, {hostile}, {false}, {{hostile}}});
  page.heat_table(hostile, {hostile, "b"}, {1.0, 2.0, 0.0, 0.0});
  report::Series series;
  series.name = hostile;
  series.ys["y"] = {1, 2};
  page.chart(hostile, report::bar_chart(hostile, {"y", hostile}, {hostile, "b"}, {series}),
             hostile);
  const std::string html =
      page.html({hostile, hostile, {{hostile, 3, std::string(64, 'a')}}, {hostile}});
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(html.find("<!--"), std::string::npos);
  EXPECT_EQ(count(html, "<script"), 3U);  // one chart, the library, what draws
  EXPECT_EQ(count(html, "</script>"), 3U);
  EXPECT_EQ(count(html, "<figure"), 1U);
  EXPECT_NE(html.find("&lt;/script&gt;&lt;script&gt;alert(1)"), std::string::npos);
}

TEST(ReportPage, NeedsNoOtherFileAndNamesTheLibrary) {
  const std::string html = report::Page("a", "b").html({"steepest fit", "cpu", {}, {}});
  EXPECT_EQ(html.rfind("<!DOCTYPE html>", 0), 0U);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(html.find("Chart.js v3"), std::string::npos);
  EXPECT_NE(html.find("MIT License"), std::string::npos);
  const std::regex outside(R"((src|href)=["']?(http|//|[a-z]+\.(js|css)))");
  EXPECT_FALSE(std::regex_search(html, outside));
}

TEST(ReportPage, HashesItsInputs) {
  const TemporaryFolder folder;
  const std::string path = folder.write("abc.txt", "abc");
  const auto files = report::input_files({path, "", "-"});
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].bytes, 3);
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(files[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(files[1].sha256, "");
}

TEST(ReportChart, ThinnedKeepsTheEndsAndTheirOrder) {
  for (const std::size_t size : {1U, 2U, 7U, 100U, 20001U}) {
    const auto kept = report::thinned(size, 50);
    ASSERT_LE(kept.size(), 50U);
    EXPECT_EQ(kept.front(), 0U);
    EXPECT_EQ(kept.back(), size - 1);
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  }
}

TEST(ReportChart, ReliabilityHasNoBarWhereThereAreNoRows) {
  const Json chart =
      report::reliability_chart({{0.0, 0.5, 0.0, 0.0, 0.0}, {0.5, 1.0, 8.0, 0.9, 0.75}});
  EXPECT_TRUE(chart["series"][0]["values"][0].is_null());
  EXPECT_EQ(chart["series"][0]["values"][1], 0.75);
  EXPECT_EQ(chart["series"][1]["values"][1], Json::parse("[0.75, 0.9]"));
}

// x^2 + y^2 = 1 is a circle of length 2 pi.
TEST(ReportContours, OfACircle) {
  report::Grid grid{-2.0, 2.0, -2.0, 2.0, 121, 121, {}};
  for (std::size_t row = 0; row < grid.rows; ++row) {
    for (std::size_t column = 0; column < grid.columns; ++column) {
      grid.values.push_back(std::pow(grid.x(column), 2) + std::pow(grid.y(row), 2));
    }
  }
  double length = 0.0;
  for (const auto& [from, to] : report::contour(grid, 1.0)) {
    EXPECT_NEAR(std::hypot(from.first, from.second), 1.0, 1e-3);
    length += std::hypot(to.first - from.first, to.second - from.second);
  }
  EXPECT_NEAR(length, 2.0 * 3.14159265358979, 0.01);
  grid.values.assign(grid.values.size(), std::nan(""));
  EXPECT_TRUE(report::contour(grid, 1.0).empty());
  EXPECT_TRUE(report::contour_levels(grid, 5).empty());
}

// Both ways through a saddle: segments never cross the line that keeps the middle's side together.
TEST(ReportContours, OfASaddle) {
  for (const double level : {-0.1, 0.1}) {
    const report::Grid grid{-1.0, 1.0, -1.0, 1.0, 2, 2, {1.0, -1.0, -1.0, 1.0}};  // x y
    const auto segments = report::contour(grid, level);
    ASSERT_EQ(segments.size(), 2U);
    for (const auto& [from, to] : segments) {
      const double x = 0.5 * (from.first + to.first);
      const double y = 0.5 * (from.second + to.second);
      EXPECT_GT(x * y * level, 0.0) << x << " " << y;  // in the quadrants where x y has its sign
    }
  }
}

}  // namespace
}  // namespace steepest::tests
