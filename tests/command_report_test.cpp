// SPDX-License-Identifier: Apache-2.0
// --report and --config end to end.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
const std::string diamonds = std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv";

// The charts of a page, as charts.js gets them.
std::vector<nlohmann::json> charts_of(const std::string& html) {
  const std::string begin = "<script type=\"application/json\">";
  std::vector<nlohmann::json> charts;
  for (std::size_t at = html.find(begin); at != std::string::npos; at = html.find(begin, at)) {
    at += begin.size();
    charts.push_back(nlohmann::json::parse(html.substr(at, html.find("</script>", at) - at)));
  }
  return charts;
}

// What is between the style sheet and the scripts.
std::string body_of(const std::string& html) {
  const std::size_t begin = html.find("<body>");
  return html.substr(begin, html.find("<footer>") - begin);
}

void expect_page(const CommandRun& run, const std::string& html, std::size_t charts) {
  EXPECT_EQ(charts_of(html).size(), charts);
  const std::string body = body_of(html);
  for (const char* const word : {">nan", " nan", "-nan", " inf ", ">inf", "NaN"}) {
    EXPECT_EQ(body.find(word), std::string::npos) << word << "\n" << run.err;
  }
  EXPECT_NE(body.find("<dt>command line</dt>"), std::string::npos);
  EXPECT_NE(body.find("<dt>device</dt>"), std::string::npos);
  EXPECT_EQ(html.substr(html.size() - 8), "</html>\n");
}

TEST(ReportCommand, OfASweep) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "sweep " + iris +
                  " --target species --schedules constant,cosine --learning-rates 0.5/L:100/L:log:3"
                  " --batch-size 32 --seeds 3 --epochs 6 --valid-fraction 0.2 --report " +
                  folder.path("page.html"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string html = folder.read("page.html");
  expect_page(run, html, 5);
  const auto charts = charts_of(html);
  ASSERT_EQ(charts[0]["series"].size(), 2U);
  const auto& series = charts[0]["series"][0];
  ASSERT_EQ(series["xs"]["epoch"].size(), 7U);
  EXPECT_EQ(series["xs"]["epoch"][6], 6);
  EXPECT_EQ(series["xs"]["bytes"][1], 120 * 4 * 4);  // rows, features, bytes: an epoch
  EXPECT_EQ(series["low"]["regret"].size(), 7U);
  EXPECT_TRUE(series["ys"]["validation_regret"][3].is_number());
  EXPECT_NE(body_of(html).find("SHA-256"), std::string::npos);
  EXPECT_NE(body_of(html).find("95 % interval"), std::string::npos);
}

TEST(ReportCommand, OfFits) {
  const TemporaryFolder folder;
  const std::string page = " --report " + folder.path("page.html");
  CommandRun run = run_command(folder, "fit " + iris + " --target species" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 5);
  EXPECT_NE(folder.read("page.html").find("Converged: gradient_max_norm"), std::string::npos);
  run = run_command(folder, "fit " + diamonds + " --target price --features carat,depth" + page +
                                " --valid-fraction 0.25 --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto charts = charts_of(folder.read("page.html"));
  expect_page(run, folder.read("page.html"), 5);
  double rows = 0.0;
  for (const auto& cell : charts[2]["cells"]["values"]) {
    rows += cell[2].get<double>();
  }
  EXPECT_EQ(rows, 53940 / 4);
  run = run_command(folder, "fit " + diamonds +
                                " --target price --features carat --rule gradient --schedule "
                                "constant --learning-rate 50" +
                                page);
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_NE(folder.read("page.html").find("Diverged: "), std::string::npos);
}

TEST(ReportCommand, OfTheOthers) {
  const TemporaryFolder folder;
  const std::string page = " --report " + folder.path("page.html");
  CommandRun run = run_command(folder, "find-rate " + iris + " --target species" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 1);
  EXPECT_EQ(charts_of(folder.read("page.html"))[0]["guides"].size(), 3U);
  run = run_command(folder, "explore '(x - 3)^2' --start 0 --learning-rate 0.1" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 2);
  run = run_command(folder, "explore 'x^2 + 3*y^2' --start 1,1 --learning-rate 0.1" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 2);
  const std::string returns = folder.write("r.csv", "a,b,c\n1,2,0\n2,1,1\n0,1,3\n1,-1,2\n2,2,1\n");
  run = run_command(folder, "portfolio " + returns + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 3);
  run = run_command(folder, "portfolio " + returns + " --frontier 5" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 2);
  const std::string scores =
      folder.write("z.csv", "a,b,label\n2,0,a\n1,0,a\n3,1,b\n0,2,b\n0,1,a\n1,3,b\n2,1,a\n0,1,b\n");
  run = run_command(folder, "calibrate " + scores + " --target label" + page);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_page(run, folder.read("page.html"), 4);
}

TEST(ReportCommand, ColumnsAndClassesNamedLikeMarkupAreText) {
  const TemporaryFolder folder;
  std::string text = "\"<script>alert(1)</script>\",label\n";
  for (int i = 0; i < 20; ++i) {
    text += std::to_string(i % 7) + (i % 3 == 0 ? ",</script><b>\n" : ",<!--\n");
  }
  const CommandRun run =
      run_command(folder, "fit " + folder.write("d.csv", text) + " --target label --report " +
                              folder.path("page.html"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string html = folder.read("page.html");
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(body_of(html).find("</script><b>"), std::string::npos);
  EXPECT_EQ(body_of(html).find("<!--"), std::string::npos);
  const auto names = charts_of(html).back()["categories"];
  EXPECT_EQ(names.dump().find("&lt;"), std::string::npos) << names;
}

TEST(ReportCommand, ReplacesNoInputAndWritesNoHalfPage) {
  const TemporaryFolder folder;
  const CommandRun same = run_command(folder, "fit " + iris + " --target species --report " + iris);
  EXPECT_EQ(same.exit_code, 3) << same.err;
  const CommandRun twice =
      run_command(folder, "fit " + iris + " --target species -o " + folder.path("a") +
                              " --report " + folder.path("a"));
  EXPECT_EQ(twice.exit_code, 3) << twice.err;
  const CommandRun nowhere =
      run_command(folder, "fit " + iris + " --target species --report " + folder.path("no/a.html"));
  EXPECT_EQ(nowhere.exit_code, 2) << nowhere.err;
  EXPECT_EQ(
      run_command(folder, "explore 'x^2' --critical -1:1 --report " + folder.path("b")).exit_code,
      3);
}

TEST(ConfigCommand, TheBestRunOfASweepIsFittedAgainToTheBit) {
  const TemporaryFolder folder;
  for (const std::string batch : {"full", "16"}) {
    const auto sweep =
        run_command(folder, "sweep " + iris +
                                " --target species --schedules cosine,wsd --features petal_length,"
                                "petal_width --learning-rates 0.5/L:2/L:lin:2 --batch-size " +
                                batch + " --epochs 12 --seed 3 --json --best " +
                                folder.path("best.json"))
            .json();
    const CommandRun fit =
        run_command(folder, "fit " + iris + " --json --config " + folder.path("best.json"));
    ASSERT_EQ(fit.exit_code, 0) << fit.err;
    double found = -1.0;
    for (const auto& run : sweep["runs"]) {
      if (run["schedule"] == sweep["best"]["schedule"] &&
          run["learning_rate"] == sweep["best"]["learning_rate"]) {
        found = run["final_objective"].get<double>();
      }
    }
    EXPECT_EQ(fit.json()["objective"]["total"].get<double>(), found) << batch;
  }
}

TEST(ConfigCommand, NoBestRunIsWrittenWhereNoneEndedWell) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "sweep " + iris + " --target species --schedules constant --learning-rates 1e200 " +
                  "--epochs 4 --best " + folder.path("best.json") + " --report " +
                  folder.path("page.html"));
  EXPECT_EQ(run.exit_code, 5) << run.err;
  EXPECT_NE(run.err.find("best.json is not written"), std::string::npos) << run.err;
  EXPECT_FALSE(std::filesystem::exists(folder.path("best.json")));
  expect_page(run, folder.read("page.html"), 4);
}

TEST(ConfigCommand, TakesNamesOfOptionsAndTheCommandLineWins) {
  const TemporaryFolder folder;
  const std::string config =
      folder.write("fit.json", R"({"target": "species", "learning-rate": 0.25, "schedule": "cosine",
                      "rule": "gradient", "epochs": 7, "no_intercept": true, "l2": 1e-2,
                      "features": ["petal_length", "petal_width"], "threads": 1})");
  const CommandRun run =
      run_command(folder, "fit " + iris + " --json --epochs 3 --config " + config);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["steps"], 3);
  EXPECT_EQ(run.json()["data"]["features"], 2);
  EXPECT_EQ(run.json()["model"]["l2"], 0.01);
  EXPECT_EQ(run.json()["model"]["intercept"][0], 0.0);
}

TEST(ConfigCommand, RefusesWhatItDoesNotKnow) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& json, int code) {
    const std::string config = folder.write("c.json", json);
    const CommandRun run =
        run_command(folder, "fit " + iris + " --target species --config " + config);
    EXPECT_EQ(run.exit_code, code) << json << run.err;
    return run.err;
  };
  EXPECT_NE(error(R"({"lerning_rate": 1})", 3).find("\"lerning_rate\" is not known: use "),
            std::string::npos);
  EXPECT_NE(error(R"({"help": true})", 3).find("learning_rate"), std::string::npos);
  EXPECT_NE(error(R"({"l2": 1, "l2": 2})", 3).find("twice"), std::string::npos);
  EXPECT_NE(error(R"({"batch_size": 8, "batch-size": 9})", 3).find("again"), std::string::npos);
  EXPECT_NE(error(R"({"no_intercept": 1})", 3).find("true or false"), std::string::npos);
  EXPECT_NE(error(R"({"l2": true})", 3).find("a text, a number"), std::string::npos);
  EXPECT_NE(error(R"({"l2": {"a": 1}})", 3).find("a text, a number"), std::string::npos);
  EXPECT_NE(error(R"({"threads": 0})", 3).find("c.json"), std::string::npos);
  static_cast<void>(error("[1]", 2));
  static_cast<void>(error("{", 2));
  static_cast<void>(error("", 2));
}

}  // namespace
}  // namespace steepest::tests
