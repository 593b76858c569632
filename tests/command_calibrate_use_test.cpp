// SPDX-License-Identifier: Apache-2.0
// calibrate --use: a calibration that was saved, on other rows.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <vector>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

// The float64 elements of a .npy file that the command wrote.
std::vector<double> elements(const TemporaryFolder& folder, const std::string& name) {
  const std::string bytes = folder.read(name);
  std::vector<double> values((bytes.size() - 128) / sizeof(double));
  std::memcpy(values.data(), bytes.data() + 128, values.size() * sizeof(double));
  return values;
}

TEST(CalibrateUse, GivesTheSameRowsTheSameMetrics) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const std::string data = files.logits + " --labels " + files.labels;
  for (const std::string method : {"temperature", "vector", "matrix"}) {
    SCOPED_TRACE(method);
    const std::string saved = folder.path(method + ".json");
    const auto fitted =
        run_command(folder, "calibrate " + data + " --method " + method + " -o " + saved +
                                " --apply " + folder.path("fitted.npy") + " --json --quiet")
            .json();
    const CommandRun run =
        run_command(folder, "calibrate " + data + " --use " + saved + " --apply " +
                                folder.path("used.npy") + " --bootstrap 50 --json --quiet");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto used = run.json();
    EXPECT_EQ(used["method"], method);
    EXPECT_EQ(used["status"], "solved");
    EXPECT_EQ(used["used"], saved);
    for (const char* const metric :
         {"nll", "accuracy", "ece", "ece_equal_mass", "mce", "brier", "entropy"}) {
      EXPECT_NEAR(used["before"][metric].get<double>(), fitted["before"][metric].get<double>(),
                  2e-7)
          << metric;
      EXPECT_NEAR(used["after"][metric].get<double>(), fitted["after"][metric].get<double>(), 2e-6)
          << metric;
    }
    EXPECT_LE(used["bootstrap"]["ece_after"][0], used["bootstrap"]["ece_after"][1]);
    EXPECT_TRUE(used["log_temperature_standard_error"].is_null());
    EXPECT_TRUE(used["residual"].is_null());  // nothing was solved
    EXPECT_EQ(used["bootstrap"]["temperature"], nlohmann::json({nullptr, nullptr}));
    const std::vector<double> one = elements(folder, "fitted.npy");
    const std::vector<double> other = elements(folder, "used.npy");
    ASSERT_EQ(one.size(), 1000U);
    ASSERT_EQ(other.size(), 1000U);
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_NEAR(one[i], other[i], 1e-12);
    }
    // Without labels it only applies.
    const CommandRun blind = run_command(folder, "calibrate " + files.logits + " --use " + saved +
                                                     " --apply " + folder.path("blind.npy"));
    EXPECT_EQ(blind.exit_code, 0) << blind.err;
    EXPECT_EQ(folder.read("blind.npy"), folder.read("used.npy"));
  }
}

// Text and a temperature give float32, everything else float64: as where it was fitted.
TEST(CalibrateUse, AppliesTheBytesOfTheFit) {
  const TemporaryFolder folder;
  const std::string data = "calibrate " + lesson + " --target label";
  for (const std::string method : {"temperature", "vector", "matrix"}) {
    for (const std::string what : {"probs", "logits"}) {
      SCOPED_TRACE(method + " " + what);
      const std::string saved = folder.path("c.json");
      const std::string as = " --apply-as " + what + " --apply ";
      ASSERT_EQ(run_command(folder, data + " --method " + method + " -o " + saved + as +
                                        folder.path("fitted.npy"))
                    .exit_code,
                0);
      const CommandRun run =
          run_command(folder, data + " --use " + saved + as + folder.path("used.npy"));
      ASSERT_EQ(run.exit_code, 0) << run.err;
      const std::string fitted = folder.read("fitted.npy");
      EXPECT_TRUE(fitted == folder.read("used.npy"));
      const std::size_t width = method == "temperature" ? sizeof(float) : sizeof(double);
      EXPECT_EQ(fitted.size(), 128 + 1000 * width);
    }
  }
}

// Class b leads where a does not: a vector on the columns of another order would swap them.
TEST(CalibrateUse, AVectorKnowsItsColumns) {
  const TemporaryFolder folder;
  std::string rows;
  std::string swapped = "b,a,c,y\n";
  for (int i = 0; i < 60; ++i) {
    const std::string a = std::to_string(i % 7);
    const std::string b = std::to_string(i % 5);
    const std::string end = std::to_string(i % 3) + "," + "abc"[i % 4 == 0 ? 2 : i % 2] + "\n";
    rows += a + "," + b + "," + end;
    swapped += b + "," + a + "," + end;
  }
  const std::string fitted = folder.write("fit.csv", "a,b,c,y\n" + rows);
  const std::string others = folder.write("others.csv", swapped);
  const std::string renamed = folder.write("renamed.csv", "a,b,d,y\n" + rows);
  const std::string apply = " --apply " + folder.path("p.npy");
  // The order is all one to a temperature.
  const std::string one = folder.path("temperature.json");
  ASSERT_EQ(run_command(folder, "calibrate " + fitted + " --target y -o " + one).exit_code, 0);
  EXPECT_EQ(run_command(folder, "calibrate " + others + " --target y --use " + one).exit_code, 0);
  for (const std::string method : {"vector", "matrix"}) {
    SCOPED_TRACE(method);
    const std::string saved = folder.path(method + ".json");
    ASSERT_EQ(run_command(folder, "calibrate " + fitted + " --target y --method " + method +
                                      " --penalty 0.1 -o " + saved)
                  .exit_code,
              0);
    const auto json = nlohmann::json::parse(folder.read(method + ".json"));
    EXPECT_EQ(json["columns"], nlohmann::json({"a", "b", "c"}));
    const std::string use = " --target y --use " + saved + apply;
    const std::string page = folder.path("page.html");
    EXPECT_EQ(run_command(folder, "calibrate " + fitted + use + " --report " + page).exit_code, 0);
    std::filesystem::remove(folder.path("p.npy"));
    const CommandRun wrong = run_command(folder, "calibrate " + others + use);
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_NE(wrong.err.find("has the columns \"b\", \"a\", \"c\", and the calibration is of "
                             "\"a\", \"b\", \"c\", in this order: from column 0 (from 0) on"),
              std::string::npos)
        << wrong.err;
    EXPECT_FALSE(std::filesystem::exists(folder.path("p.npy")));
    const CommandRun other =
        run_command(folder, "calibrate " + renamed + " --ignore y --use " + saved + apply);
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_NE(other.err.find("from column 2 (from 0) on"), std::string::npos) << other.err;
    // A file of before names were kept.
    auto nameless = json;
    nameless.erase("columns");
    const std::string old = folder.write("old.json", nameless.dump());
    EXPECT_EQ(run_command(folder, "calibrate " + others + " --target y --use " + old).exit_code, 0);
    auto short_of = json;
    short_of["columns"] = {"a", "b"};
    const CommandRun damaged = run_command(folder, "calibrate " + fitted + " --target y --use " +
                                                       folder.write("short.json", short_of.dump()));
    EXPECT_EQ(damaged.exit_code, 2);
    EXPECT_NE(damaged.err.find("\"columns\""), std::string::npos) << damaged.err;
  }
}

// Constant rows say nothing of T: the 1 that is kept of them is no solution, later either.
TEST(CalibrateUse, AnUndeterminedTemperatureStaysSo) {
  const TemporaryFolder folder;
  const std::string flat = folder.write("flat.csv", "a,b,y\n1,1,a\n2,2,b\n0,0,a\n");
  const std::string others = folder.write("others.csv", "a,b,y\n1,0,a\n0,2,b\n2,1,b\n");
  const std::string saved = folder.path("flat.json");
  ASSERT_EQ(run_command(folder, "calibrate " + flat + " --target y -o " + saved).exit_code, 0);
  const std::string use = "calibrate " + others + " --target y --use " + saved;
  const CommandRun run = run_command(folder, use + " --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["status"], "undetermined");
  EXPECT_EQ(run.json()["temperature"], 1.0);
  EXPECT_NEAR(run.json()["before"]["nll"].get<double>(), run.json()["after"]["nll"].get<double>(),
              1e-7);
  const std::string text = run_command(folder, use).out;
  EXPECT_NE(text.find("temperature 1, undetermined"), std::string::npos) << text;
}

// Two sites in the file, and a third that it does not know.
TEST(CalibrateUse, GroupsGetTheirOwnTemperatures) {
  const TemporaryFolder folder;
  std::string rows = "a,b,site,y\n";
  for (int i = 0; i < 40; ++i) {
    const bool north = i % 2 == 0;
    rows += std::to_string(north ? 3 : 1) + ".5,0," + (north ? "north" : "south") + "," +
            (i % (north ? 5 : 7) == 0 ? "1" : "0") + "\n";
  }
  const std::string saved = folder.path("groups.json");
  const CommandRun fitted =
      run_command(folder, "calibrate " + folder.write("fit.csv", rows) +
                              " --target y --group site -o " + saved + " --json --quiet");
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  const auto file = nlohmann::json::parse(folder.read("groups.json"));
  EXPECT_EQ(file["format_version"], 2);
  ASSERT_EQ(file["groups"].size(), 2U);
  const auto groups = fitted.json()["groups"];
  for (const std::size_t g : {0U, 1U}) {
    EXPECT_EQ(file["groups"][g]["name"], groups[g]["name"]);
    EXPECT_EQ(file["groups"][g]["beta"], groups[g]["beta"]);
    EXPECT_EQ(file["groups"][g]["rows"], groups[g]["rows"]);
    // T of two classes, gaps alike in every row: the odds of the labels are e^(gap / T).
    const double gap = g == 0 ? 3.5 : 1.5;
    const double wrong = g == 0 ? 4.0 / 20.0 : 3.0 / 20.0;
    EXPECT_NEAR(groups[g]["temperature"].get<double>(), gap / std::log((1.0 - wrong) / wrong),
                1e-6);
  }
  const std::string others =
      folder.write("others.csv", "a,b,site\n1,0,south\n2,0,west\n0,4,north\n1,1,south\n");
  const std::string use = "calibrate " + others + " --use " + saved + " --apply " +
                          folder.path("z.npy") + " --apply-as logits";
  const CommandRun run = run_command(folder, use + " --group site");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.err.find("group \"west\" has no temperature of its own"), std::string::npos)
      << run.err;
  const std::vector<double> z = elements(folder, "z.npy");
  ASSERT_EQ(z.size(), 8U);
  const double pooled = fitted.json()["beta"];
  const double north = groups[0]["beta"];
  const double south = groups[1]["beta"];
  const double expected[] = {south, 0.0, 2.0 * pooled, 0.0, 0.0, 4.0 * north, south, south};
  for (std::size_t i = 0; i < z.size(); ++i) {
    EXPECT_NEAR(z[i], expected[i], 1e-12) << i;
  }
  const CommandRun forgotten = run_command(folder, use + " --ignore site");
  EXPECT_EQ(forgotten.exit_code, 3);
  EXPECT_NE(forgotten.err.find("--group"), std::string::npos) << forgotten.err;
}

// A class that is left out of a row stays out; a matrix would need its score.
TEST(CalibrateUse, MasksGoThroughATemperatureOnly) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  std::string bytes = folder.read("logits.npy");
  const double masked = -HUGE_VAL;
  std::memcpy(bytes.data() + 128 + (7 * 5 + 3) * sizeof(double), &masked, sizeof(masked));
  const std::string others = folder.write("masked.npy", bytes);
  for (const std::string method : {"temperature", "matrix"}) {
    const std::string saved = folder.path(method + ".json");
    ASSERT_EQ(run_command(folder, "calibrate " + files.logits + " --labels " + files.labels +
                                      " --method " + method + " -o " + saved)
                  .exit_code,
              0);
    const CommandRun run = run_command(folder, "calibrate " + others + " --use " + saved +
                                                   " --apply " + folder.path(method + ".npy"));
    if (method == "matrix") {
      EXPECT_EQ(run.exit_code, 2);
      EXPECT_NE(run.err.find("row 7 (from 0): column 3 is -inf, a masked class"), std::string::npos)
          << run.err;
      EXPECT_FALSE(std::filesystem::exists(folder.path("matrix.npy")));
    } else {
      EXPECT_EQ(run.exit_code, 0) << run.err;
      EXPECT_EQ(elements(folder, "temperature.npy")[7 * 5 + 3], 0.0);
    }
  }
}

TEST(CalibrateUse, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const std::string saved = folder.path("c.json");
  ASSERT_EQ(run_command(folder,
                        "calibrate " + files.logits + " --labels " + files.labels + " -o " + saved)
                .exit_code,
            0);
  const std::string zero = folder.write("zero.csv", "a,b,y\n1,0,a\n3,1,a\n0,2,b\n");
  const std::string nothing = folder.path("zero.json");
  ASSERT_EQ(run_command(folder, "calibrate " + zero + " --target y -o " + nothing).exit_code, 0);
  std::string broken = folder.read("c.json");
  broken.replace(broken.find("\"beta\": "), 8, "\"beta\": -");
  std::string newer = folder.read("c.json");
  newer.replace(newer.find("\"format_version\": 1"), 19, "\"format_version\": 9");
  struct Case {
    std::string arguments;
    int exit_code;
    const char* text;
  };
  const std::string apply = " --apply " + folder.path("p.npy");
  for (const Case& bad : {
           Case{files.logits + " --use " + saved, 3, "--use needs labels"},
           Case{files.logits + " --use " + saved + apply + " --method vector", 3,
                "a calibration that is there"},
           Case{files.logits + " --use " + saved + apply + " -o " + folder.path("x"), 3,
                "a calibration that is there"},
           Case{files.logits + " --use " + saved + apply + " --bins " + folder.path("b"), 3,
                "need labels"},
           Case{files.logits + " --use " + saved + " --apply " + saved, 3, "write to another file"},
           Case{files.logits + " --use " + saved + apply + " --group " + files.labels, 3,
                "leave --group out"},
           Case{zero + " --ignore y --use " + saved + apply, 2,
                "has 2 classes, and the calibration 5"},
           Case{zero + " --ignore y --use " + nothing + apply, 2, "its status is \"zero\""},
           Case{files.logits + " --use " + folder.write("b.json", broken) + apply, 2,
                "expected a number above 0"},
           Case{files.logits + " --use " + folder.write("n.json", newer) + apply, 2, "version"},
           Case{files.logits + " --use " + folder.write("h.json", newer.substr(0, 100)) + apply, 2,
                "is not a whole calibration file"},
           Case{files.logits + " --use " + files.labels + apply, 2, "calibration"},
           Case{files.logits + " --use " + folder.path("none") + apply, 2, "none"},
       }) {
    const CommandRun run = run_command(folder, "calibrate " + bad.arguments);
    EXPECT_EQ(run.exit_code, bad.exit_code) << bad.arguments << run.err;
    EXPECT_NE(run.err.find(bad.text), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("p.npy")));
}

}  // namespace
}  // namespace steepest::tests
