// SPDX-License-Identifier: Apache-2.0
// calibrate end to end: the contract of CLI.md.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"
#include "tests/sanitizers.hpp"
#include "tests/signal_command.hpp"

namespace steepest::tests {
namespace {

// Most memory that any command run so far had resident, in bytes; 0 under a sanitizer.
std::int64_t most_memory() {
#ifndef STEEPEST_SANITIZED
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
#else
  return 0;
#endif
}

TEST(CalibrateCommand, JsonHasEveryKeyOfTheContract) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const CommandRun run =
      run_command(folder, "calibrate " + files.logits + " --labels " + files.labels + " --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  const auto expected = lesson_reference();
  EXPECT_EQ(json["command"], "calibrate");
  EXPECT_EQ(json["status"], "solved");
  EXPECT_NEAR(json["temperature"].get<double>(), expected["temperature"].get<double>(), 1e-7);
  EXPECT_NEAR(json["temperature"].get<double>(), 24.365, 5e-4);
  EXPECT_NEAR(json["beta"].get<double>() * json["temperature"].get<double>(), 1.0, 1e-12);
  EXPECT_GT(json["log_temperature_standard_error"], 0.3);
  EXPECT_EQ(json["reads"], 1);
  EXPECT_NEAR(json["residual"].get<double>(), 0.0, 1e-12);
  EXPECT_EQ(json["rows"], 200);
  EXPECT_EQ(json["classes"], 5);
  EXPECT_EQ(json["bytes_read"], 200 * 5 * 8);
  EXPECT_GE(json["seconds"]["solve"], 0.0);
  for (const char* const when : {"before", "after"}) {
    for (const char* const metric :
         {"nll", "accuracy", "ece", "ece_equal_mass", "mce", "brier", "entropy"}) {
      EXPECT_NEAR(json[when][metric].get<double>(), expected[when][metric].get<double>(), 1e-6)
          << when << metric;
    }
    EXPECT_EQ(json[when]["bins"].size(), 15U);
  }
  EXPECT_NEAR(json["after"]["nll"].get<double>(), 1.603592, 5e-7);
  EXPECT_NE(run.err.find("near uninformative"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("standard error of log T is huge"), std::string::npos) << run.err;
}

TEST(CalibrateCommand, CsvAndNpyAndEveryWayThroughGiveTheSame) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const auto temperature = [&](const std::string& arguments) {
    const CommandRun run = run_command(folder, "calibrate " + arguments + " --json --quiet");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    return run.json()["temperature"].get<double>();
  };
  const double expected = lesson_reference()["temperature"].get<double>();
  EXPECT_NEAR(temperature(lesson + " --target label"), expected, 1e-5);  // text is read as float32
  EXPECT_NEAR(temperature(lesson + " --target -1 --threads 1"), expected, 1e-5);
  EXPECT_NEAR(temperature(lesson + " --ignore label --labels " + files.labels), expected, 1e-5);
  EXPECT_NEAR(temperature(files.logits + " --labels " + files.labels), expected, 1e-7);
}

TEST(CalibrateCommand, TextNamesWhatWasFoundAndWhatItMeans) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(folder, "calibrate " + lesson + " --target label");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("solved: T 24.3652, 95 % interval"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("200 rows, 5 classes"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("(0.9333, 1.0000]"), std::string::npos) << run.out;
  EXPECT_EQ(run.out.find("nan"), std::string::npos) << run.out;
}

TEST(CalibrateCommand, AppliesAndSaves) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const CommandRun run =
      run_command(folder, "calibrate " + files.logits + " --labels " + files.labels + " --apply " +
                              folder.path("p.npy") + " --bins " + folder.path("bins.csv") + " -o " +
                              folder.path("cal.json") + " --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["applied"], folder.path("p.npy"));
  const auto saved = nlohmann::json::parse(folder.read("cal.json"));
  EXPECT_EQ(saved["format"], "steepest-calibration");
  EXPECT_EQ(saved["temperature"], run.json()["temperature"]);

  const std::string bins = folder.read("bins.csv");
  EXPECT_EQ(std::count(bins.begin(), bins.end(), '\n'), 61);
  EXPECT_EQ(
      bins.rfind("when,kind,bin,lower,upper,count,confidence,accuracy\nbefore,equal_width,0,", 0),
      0U);

  // Probabilities sum to 1, and calibrate to T = 1 with the same metrics.
  const std::string probabilities = folder.read("p.npy");
  ASSERT_EQ(probabilities.size(), 128U + 200 * 5 * 8);
  double sum = 0.0;
  for (std::size_t i = 128; i < probabilities.size(); i += sizeof(double)) {
    double p = 0.0;
    std::memcpy(&p, probabilities.data() + i, sizeof(p));
    sum += p;
  }
  EXPECT_NEAR(sum, 200.0, 1e-10);
  const auto again = run_command(folder, "calibrate " + folder.path("p.npy") + " --labels " +
                                             files.labels + " --input probs --json --quiet")
                         .json();
  EXPECT_NEAR(again["temperature"].get<double>(), 1.0, 1e-7);
  EXPECT_NEAR(again["before"]["nll"].get<double>(), run.json()["after"]["nll"].get<double>(),
              1e-12);
}

TEST(CalibrateCommand, BootstrapIntervalsHoldTheEstimates) {
  const TemporaryFolder folder;
  const Iris iris(folder);
  const std::string logits = folder.path("l.npy");
  ASSERT_EQ(
      run_command(folder, "predict " + iris.model + " " + iris.data + " --logits -o " + logits)
          .exit_code,
      0);
  const std::string command =
      "calibrate " + logits + " --labels " + iris.labels + " --bootstrap 300 --json --quiet";
  const auto json = run_command(folder, command + " --threads 1").json();
  const auto& bootstrap = json["bootstrap"];
  EXPECT_EQ(bootstrap["replicates"], 300);
  EXPECT_LT(bootstrap["temperature"][0], json["temperature"]);
  EXPECT_GT(bootstrap["temperature"][1], json["temperature"]);
  EXPECT_LT(bootstrap["ece_before"][0], json["before"]["ece"]);
  EXPECT_EQ(run_command(folder, command + " --threads 2").json()["bootstrap"], bootstrap);
  EXPECT_NE(run_command(folder, command + " --seed 1").json()["bootstrap"], bootstrap);
}

TEST(CalibrateCommand, AGpuIsNeverReplacedInSilence) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const CommandRun run = run_command(folder, "calibrate " + files.logits + " --labels " +
                                                 files.labels + " --device cuda --json --quiet");
  if (run.exit_code == 0) {
    EXPECT_EQ(run.json()["device"]["kind"], "cuda");
  } else {
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(run.err.find("cuda") != std::string::npos ||
                run.err.find("CUDA") != std::string::npos)
        << run.err;
  }
}

TEST(CalibrateCommand, AFileThatDoesNotFitIsReadOnce) {
  const TemporaryFolder folder;
  const std::string logits = folder.path("logits.npy");
  std::string labels;
  {  // 80 MB of float32: 200,000 rows of 100
    constexpr std::int64_t rows = 200000;
    constexpr std::int64_t classes = 100;
    std::ofstream file(logits, std::ios::binary);
    file << npy("<f4", "(200000, 100)", "");
    std::uint64_t state = 1;
    std::vector<float> row(classes);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (float& z : row) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        z = static_cast<float>(state >> 40) * 0x1p-22F + 1000.0F;
      }
      file.write(reinterpret_cast<const char*>(row.data()), classes * sizeof(float));
      // Half the labels are the largest logit's class, the rest any.
      const auto top = std::max_element(row.begin(), row.end()) - row.begin();
      const auto label = static_cast<std::int32_t>(r % 2 == 0 ? top : (state >> 33) % classes);
      labels.append(reinterpret_cast<const char*>(&label), sizeof(label));
    }
  }
  const std::string command = "calibrate " + logits + " --labels " +
                              folder.write("labels.npy", npy("<i4", "(200000,)", labels)) +
                              " --json --quiet";
  EXPECT_EQ(run_command(folder, "devices").exit_code, 0);
  const std::int64_t of_libraries = most_memory();  // those of CUDA take 200 MB
  const auto streamed = run_command(folder, command + " --memory 64M").json();
  EXPECT_EQ(streamed["reads"], 1);
  EXPECT_EQ(streamed["passes"], 1);
  EXPECT_EQ(streamed["certified"], true);
  EXPECT_EQ(streamed["bytes_read"], 80000000);
  EXPECT_LE(most_memory(), of_libraries + 60'000'000);  // it was not loaded
  const auto loaded = run_command(folder, command).json();
  EXPECT_EQ(loaded["reads"], 1);
  EXPECT_GT(loaded["passes"], 1);
  const auto temperature = loaded["temperature"].get<double>();
  EXPECT_NEAR(streamed["temperature"].get<double>(), temperature, 1e-7 * temperature);
  EXPECT_NEAR(streamed["after"]["nll"].get<double>(), loaded["after"]["nll"].get<double>(), 1e-8);
  EXPECT_NEAR(streamed["after"]["ece"].get<double>(), loaded["after"]["ece"].get<double>(), 1e-6);

  // Ctrl-C while reading: exit code 130, and nothing is left behind.
  const std::string output = folder.path("out.npy");
  const std::int64_t entries = folder.entries();
  const CommandRun stopped = signal_command(
      folder,
      command + " --threads 1 --memory 64M --apply " + output + " -o " + folder.path("c.json"),
      SIGINT);
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_FALSE(std::filesystem::exists(output));
  EXPECT_EQ(folder.entries(), entries);
}

}  // namespace
}  // namespace steepest::tests
