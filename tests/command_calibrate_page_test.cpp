// SPDX-License-Identifier: Apache-2.0
// calibrate --report: the page of every method names it and shows what it found.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

// The page of a run, what is between the style sheet and the scripts, and the titles of its charts.
struct ReadPage {
  std::string body;
  std::vector<std::string> charts;

  explicit ReadPage(const std::string& html) {
    const std::size_t begin = html.find("<body>");
    body = html.substr(begin, html.find("<footer>") - begin);
    const std::string mark = "<figcaption>";
    for (std::size_t at = html.find(mark); at != std::string::npos; at = html.find(mark, at)) {
      at += mark.size();
      charts.push_back(html.substr(at, html.find("</figcaption>", at) - at));
    }
  }

  [[nodiscard]] bool says(const std::string& text) const {
    return body.find(text) != std::string::npos;
  }
  [[nodiscard]] bool shows(const std::string& title) const {
    for (const std::string& chart : charts) {
      if (chart.rfind(title, 0) == 0) {
        return true;
      }
    }
    return false;
  }
};

class CalibratePages : public testing::Test {
 protected:
  ReadPage page_of(const std::string& more) {
    const CommandRun run =
        run_command(folder_, "calibrate " + files_.logits + " --labels " + files_.labels + more +
                                 " --json --quiet" + " --report " + folder_.path("page.html"));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    json_ = run.json();
    return ReadPage(folder_.read("page.html"));
  }

  TemporaryFolder folder_;
  Lesson files_{folder_};
  nlohmann::json json_;
};

TEST_F(CalibratePages, OfATemperature) {
  const ReadPage page = page_of("");
  EXPECT_TRUE(page.says("method: temperature<"));
  EXPECT_TRUE(page.says("The temperature 24.3652 is best"));
  EXPECT_TRUE(page.shows("Before: calibration error"));
  EXPECT_TRUE(page.shows("After, by temperature: calibration error"));
  EXPECT_TRUE(page.shows("Likelihood against temperature"));
  EXPECT_EQ(page.charts.size(), 4U);
}

TEST_F(CalibratePages, OfRowsHeldOut) {
  const ReadPage page = page_of(" --valid-fraction 0.5");
  EXPECT_TRUE(page.says("held out, before"));
  EXPECT_TRUE(page.says("of the other rows"));
}

TEST_F(CalibratePages, OfAVectorAndAMatrix) {
  for (const std::string method : {"vector", "matrix"}) {
    SCOPED_TRACE(method);
    const ReadPage page = page_of(" --method " + method);
    EXPECT_TRUE(page.says("method: " + method + "<"));
    EXPECT_TRUE(page.says("<h2>The " + method + "</h2>"));
    EXPECT_TRUE(page.says("by " + method + "</th>"));
    EXPECT_TRUE(page.says("the one chosen"));
    EXPECT_TRUE(page.says("intercept"));
    EXPECT_FALSE(page.says("The temperature 24.3652 is best"));
    EXPECT_TRUE(page.shows("After, by " + method));
    EXPECT_FALSE(page.shows("Likelihood against temperature"));
    EXPECT_TRUE(json_["curve"].empty());
  }
}

TEST_F(CalibratePages, OfGroups) {
  std::string groups;
  for (int r = 0; r < 200; ++r) {
    groups += r == 3 ? "lone & <i>\n" : r % 2 == 0 ? "even\n" : "odd\n";
  }
  const std::string by_group = " --group " + folder_.write("groups.txt", groups);
  const ReadPage page = page_of(by_group + " -o " + folder_.path("groups.json"));
  EXPECT_TRUE(page.says("method: temperature, by group<"));
  EXPECT_TRUE(page.says("<td>even</td>"));
  EXPECT_TRUE(page.says("<td>lone &amp; &lt;i&gt;</td>"));
  EXPECT_TRUE(page.says("that of all rows"));
  EXPECT_TRUE(page.says("all rows, one temperature"));
  EXPECT_TRUE(page.shows("After, by temperature, by group"));
  EXPECT_FALSE(page.shows("Likelihood against temperature"));
  const ReadPage used = page_of(by_group + " --use " + folder_.path("groups.json"));
  EXPECT_TRUE(used.says("method: temperature, by group<"));
  EXPECT_TRUE(used.says("groups.json was put on these rows"));
}

TEST_F(CalibratePages, OfMoreClassesThanAreRead) {
  std::string rows;
  std::string head;
  for (int k = 0; k < 45; ++k) {
    head += "c" + std::to_string(k) + ",";
  }
  for (int r = 0; r < 300; ++r) {
    for (int k = 0; k < 45; ++k) {
      rows += std::to_string((r * 31 + k * 17) % 23 / 5.0 + (r % 45 == k ? 1.0 : 0.0)) + ",";
    }
    rows += std::to_string(r % 45) + "\n";
  }
  const std::string data = folder_.write("many.csv", head + "y\n" + rows);
  for (const auto& [method, words] :
       {std::pair<std::string, std::string>{"vector", "The 40 of 45 classes that change most"},
        {"matrix", "The 20 of 45 classes that lean most on others"}}) {
    const CommandRun run =
        run_command(folder_, "calibrate " + data + " --target y --penalty 0.1 --method " + method +
                                 " --quiet --report " + folder_.path("many.html"));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const ReadPage page(folder_.read("many.html"));
    EXPECT_TRUE(page.says(words)) << method;
  }
}

}  // namespace
}  // namespace steepest::tests
