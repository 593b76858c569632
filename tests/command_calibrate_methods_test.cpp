// SPDX-License-Identifier: Apache-2.0
// calibrate by vector, matrix and group, and of labels that are smoothed.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

TEST(CalibrateCommand, VectorAndMatrixSayWhatTheyGained) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const auto run = run_command(folder, "calibrate " + files.logits + " --labels " + files.labels +
                                           " --method matrix --apply " + folder.path("p.npy") +
                                           " -o " + folder.path("c.json") + " --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["affine"]["trials"].size(), 8U);
  EXPECT_EQ(json["affine"]["factors"].size(), 5U);
  EXPECT_EQ(json["affine"]["converged"], true);
  EXPECT_LE(json["after"]["nll"], json["nll_temperature"]);
  EXPECT_EQ(nlohmann::json::parse(folder.read("c.json"))["method"], "matrix");
  const auto applied = run_command(folder, "calibrate " + folder.path("p.npy") + " --labels " +
                                               files.labels + " --input probs --json --quiet")
                           .json();
  EXPECT_NEAR(applied["before"]["nll"].get<double>(), json["after"]["nll"].get<double>(), 1e-9);
  const auto text = run_command(
      folder, "calibrate " + files.logits + " --labels " + files.labels + " --method matrix");
  EXPECT_NE(text.out.find("chosen on rows held out"), std::string::npos) << text.out;
}

// Rows of two sites, of which one's scores are three times too large.
TEST(CalibrateCommand, GroupsHaveTheirOwnTemperatures) {
  const TemporaryFolder folder;
  std::string text = "a,b,c,site,y\n";
  std::string own[2];
  std::string sites;
  std::string labels;
  std::uint64_t state = 5;
  const auto uniform = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (int r = 0; r < 1200; ++r) {
    const bool north = r % 3 == 0;
    double scores[3];
    double powers[3];
    double total = 0.0;
    for (int c = 0; c < 3; ++c) {
      scores[c] = 4.0 * (uniform() - 0.5);
      total += std::exp(scores[c]);
      powers[c] = total;
    }
    const double draw = uniform() * total;
    const int label = draw < powers[0] ? 0 : draw < powers[1] ? 1 : 2;
    std::string row;
    for (const double score : scores) {
      row += std::to_string((north ? 3.0 : 1.0) * score) + ",";
    }
    text += row + (north ? "north," : "south,") + std::to_string(label) + "\n";
    own[north ? 0 : 1] += row + std::to_string(label) + "\n";
    sites += north ? "north\n" : "south\n";
  }
  const std::string table = folder.write("t.csv", text);
  const std::string command = "calibrate " + table + " --target y --group site";
  const auto run = run_command(folder, command + " --json --quiet --apply " + folder.path("p.npy"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["classes"], 3);
  ASSERT_EQ(json["groups"].size(), 2U);
  for (const int g : {0, 1}) {
    const auto& group = json["groups"][static_cast<std::size_t>(g)];
    EXPECT_EQ(group["name"], g == 0 ? "north" : "south");
    EXPECT_EQ(group["rows"], g == 0 ? 400 : 800);
    EXPECT_NEAR(group["temperature"].get<double>(), g == 0 ? 3.0 : 1.0, g == 0 ? 0.8 : 0.2);
    // As that group's rows alone.
    const auto alone =
        run_command(folder, "calibrate " + folder.write("g.csv", "a,b,c,y\n" + own[g]) +
                                " --target y --json --quiet")
            .json();
    EXPECT_NEAR(group["temperature"].get<double>(), alone["temperature"].get<double>(), 1e-9);
    EXPECT_NEAR(group["after"]["nll"].get<double>(), alone["after"]["nll"].get<double>(), 1e-12);
  }
  EXPECT_LT(json["after_groups"]["nll"], json["after"]["nll"]);
  EXPECT_NEAR(json["after_groups"]["nll"].get<double>(),
              (json["groups"][0]["after"]["nll"].get<double>() * 400 +
               json["groups"][1]["after"]["nll"].get<double>() * 800) /
                  1200,
              1e-9);
  // The calibrated rows have the metrics that were promised.
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    labels += line.substr(line.rfind(',') + 1) + "\n";
  }
  const std::string by_number = " --labels " + folder.write("y.txt", labels);
  const auto applied = run_command(folder, "calibrate " + folder.path("p.npy") + by_number +
                                               " --input probs --json --quiet")
                           .json();
  EXPECT_NEAR(applied["before"]["nll"].get<double>(), json["after_groups"]["nll"].get<double>(),
              1e-6);
  // Beside a .npy file groups are a file of their own.
  const std::string site_file = folder.write("sites.txt", sites);
  const auto beside =
      run_command(folder, "calibrate " + folder.path("p.npy") + by_number +
                              " --input probs --group " + site_file + " --json --quiet");
  ASSERT_EQ(beside.exit_code, 0) << beside.err;
  EXPECT_NEAR(beside.json()["groups"][0]["temperature"].get<double>(), 1.0, 1e-6);
  EXPECT_EQ(run_command(folder, "calibrate " + folder.path("p.npy") + by_number + " --group " +
                                    folder.write("few.txt", "a\nb\n"))
                .exit_code,
            2);
  EXPECT_EQ(run_command(folder, "calibrate " + table + " --target y --ignore site --group nowhere")
                .exit_code,
            2);
}

TEST(CalibrateCommand, LaplaceSmoothingSolvesWhatIsSeparable) {
  const TemporaryFolder folder;
  const std::string zero = folder.write("zero.csv", "a,b,y\n1,0,a\n3,1,a\n0,2,b\n");
  const auto json =
      run_command(folder, "calibrate " + zero + " --target y --smooth-labels --json --quiet")
          .json();
  EXPECT_EQ(json["status"], "solved");
  // Label smoothing K / (n + K) = 2 / 5: gaps 1, 2, 2 and 0 for the labels.
  EXPECT_NEAR(json["label_gap"].get<double>(), 0.4 * (0.5 + 1.0 + 1.0) / 3.0, 1e-12);
}

TEST(CalibrateCommand, AGroupWithoutAUsableRowGetsTheTemperatureOfAll) {
  const TemporaryFolder folder;
  const std::string scores = folder.write("z.csv", "a,b\n1,0\n2,0\n0,1\n1,0\n5,1\n3,0\n");
  const std::string labels = folder.write("y.txt", "0\n1\n1\n0\n7\n8\n");
  const std::string groups = folder.write("g.txt", "x\nx\nx\nx\ny\ny\n");
  // A file of groups goes with a .npy file.
  ASSERT_EQ(run_command(folder, "calibrate " + scores + " --labels " +
                                    folder.write("good.txt", "0\n1\n1\n0\n0\n0\n") +
                                    " --apply-as logits --apply " + folder.path("z.npy"))
                .exit_code,
            0);
  const CommandRun run =
      run_command(folder, "calibrate " + folder.path("z.npy") + " --labels " + labels +
                              " --group " + groups + " --on-bad-row skip --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["rows"], 4);
  EXPECT_EQ(json["rows_skipped"], 2);
  EXPECT_EQ(json["groups"][1]["rows"], 0);
  EXPECT_TRUE(json["groups"][1]["before"].is_null());
  EXPECT_EQ(json["groups"][1]["status"], "undetermined");
  EXPECT_NEAR(json["after_groups"]["nll"].get<double>(), json["after"]["nll"].get<double>(), 1e-9);
}

// What a vector's interval holds is its own error, not the temperature's.
TEST(CalibrateCommand, BootstrapsAreOfTheMethodAskedFor) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const std::string command =
      "calibrate " + files.logits + " --labels " + files.labels + " --bootstrap 200 --json --quiet";
  const auto temperature = run_command(folder, command).json();
  const auto matrix = run_command(folder, command + " --method matrix --penalty 1e-3").json();
  const auto& interval = matrix["bootstrap"]["ece_after"];
  EXPECT_NE(interval, temperature["bootstrap"]["ece_after"]);
  EXPECT_EQ(matrix["bootstrap"]["replicates"], 200);
  // As of the calibrated rows themselves, by the same replicates.
  ASSERT_EQ(run_command(folder, command +
                                    " --method matrix --penalty 1e-3 --apply-as logits "
                                    "--apply " +
                                    folder.path("m.npy"))
                .exit_code,
            0);
  const auto applied = run_command(folder, "calibrate " + folder.path("m.npy") + " --labels " +
                                               files.labels + " --bootstrap 200 --json --quiet")
                           .json();
  EXPECT_NEAR(interval[0].get<double>(), applied["bootstrap"]["ece_before"][0].get<double>(), 1e-9);
  EXPECT_NEAR(interval[1].get<double>(), applied["bootstrap"]["ece_before"][1].get<double>(), 1e-9);
}

TEST(CalibrateCommand, RowsHeldOutJudgeATemperature) {
  const TemporaryFolder folder;
  const Iris iris(folder);
  const std::string logits = folder.path("l.npy");
  ASSERT_EQ(
      run_command(folder, "predict " + iris.model + " " + iris.data + " --logits -o " + logits)
          .exit_code,
      0);
  const std::string command = "calibrate " + logits + " --labels " + iris.labels;
  const auto plain = run_command(folder, command + " --json --quiet").json();
  const CommandRun run = run_command(folder, command + " --valid-fraction 0.3 --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["temperature"], plain["temperature"]);  // of all rows
  const auto& held_out = json["held_out"];
  EXPECT_GT(held_out["rows"], 25);
  EXPECT_LT(held_out["rows"], 65);
  EXPECT_NE(held_out["temperature"], plain["temperature"]);
  EXPECT_NEAR(held_out["temperature"].get<double>(), plain["temperature"].get<double>(), 0.3);
  EXPECT_LT(held_out["after"]["nll"], held_out["before"]["nll"]);
  EXPECT_TRUE(plain["held_out"].is_null());
  const auto same =
      run_command(folder, command + " --valid-fraction 0.3 --threads 1 --json --quiet");
  EXPECT_EQ(same.json()["held_out"], held_out);
  const auto other = run_command(folder, command + " --valid-fraction 0.3 --seed 3 --json --quiet");
  EXPECT_NE(other.json()["held_out"], held_out);
  const CommandRun text = run_command(folder, command + " --valid-fraction 0.3");
  EXPECT_NE(text.out.find("of the others: nll"), std::string::npos) << text.out;
}

// Six rows of 200 can be used. By the seed, they lie on both sides, or on one alone: then T of all
// rows is there, and nothing judges it.
TEST(CalibrateCommand, HeldOutRowsThatCannotBeUsedJudgeNothing) {
  const TemporaryFolder folder;
  std::string values;
  std::string labels;
  for (int r = 0; r < 200; ++r) {
    const bool usable = r % 35 == 0;
    for (const double z : {usable ? 2.0 : std::nan(""), 0.0}) {
      values.append(reinterpret_cast<const char*>(&z), sizeof(z));
    }
    labels += r == 0 ? "1\n" : "0\n";
  }
  const std::string command = "calibrate " + folder.write("z.npy", npy("<f8", "(200, 2)", values)) +
                              " --labels " + folder.write("y.txt", labels) +
                              " --on-bad-row skip --json";
  const auto plain = run_command(folder, command).json();
  EXPECT_EQ(plain["rows"], 6);
  EXPECT_NEAR(plain["temperature"].get<double>(), 2.0 / std::log(5.0), 1e-9);
  int judged = 0;
  int none_out = 0;
  int none_left = 0;
  for (const std::string fraction : {"0.2", "0.9"}) {
    for (int seed = 0; seed < 8; ++seed) {
      const CommandRun run = run_command(
          folder, command + " --valid-fraction " + fraction + " --seed " + std::to_string(seed));
      ASSERT_EQ(run.exit_code, 0) << run.err;
      EXPECT_EQ(run.json()["temperature"], plain["temperature"]);
      const bool no_row_out = run.err.find("no row held out can be used") != std::string::npos;
      const bool no_row_left =
          run.err.find("without the rows held out no row can be used") != std::string::npos;
      EXPECT_TRUE(!(no_row_out || no_row_left) || run.json()["held_out"].is_null());
      judged += run.json()["held_out"].is_null() ? 0 : 1;
      none_out += no_row_out ? 1 : 0;
      none_left += no_row_left ? 1 : 0;
    }
  }
  EXPECT_GT(judged, 0);
  EXPECT_GT(none_out, 0);
  EXPECT_GT(none_left, 0);
}

}  // namespace
}  // namespace steepest::tests
