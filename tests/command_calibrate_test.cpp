// SPDX-License-Identifier: Apache-2.0
// calibrate end to end: the contract of CLI.md.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string reference_folder = std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference";
const std::string lesson = reference_folder + "/lesson.csv";

nlohmann::json lesson_reference() {
  std::ifstream file(reference_folder + "/calibration.json");
  return nlohmann::json::parse(file)["lesson"];
}

// A version 1.0 .npy file in C order.
std::string npy(const std::string& type, const std::string& shape, const std::string& elements) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + elements;
}

// Most memory that any command run so far had resident, in bytes; 0 under a sanitizer.
std::int64_t most_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
#else
  return 0;
#endif
}

// The lesson's rows as .npy files.
struct Lesson {
  std::string logits;
  std::string labels;

  explicit Lesson(const TemporaryFolder& folder) {
    std::ifstream file(lesson);
    std::string line;
    std::getline(file, line);
    std::string values;
    std::string classes;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string field;
      for (int c = 0; c < 5; ++c) {
        std::getline(fields, field, ',');
        const double value = std::stod(field);
        values.append(reinterpret_cast<const char*>(&value), sizeof(value));
      }
      std::getline(fields, field, ',');
      const std::int64_t label = std::stoll(field);
      classes.append(reinterpret_cast<const char*>(&label), sizeof(label));
    }
    logits = folder.write("logits.npy", npy("<f8", "(200, 5)", values));
    labels = folder.write("labels.npy", npy("<i8", "(200,)", classes));
  }
};

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

TEST(CalibrateCommand, ReadsWhatPredictWrites) {
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  const std::string model = folder.path("m.json");
  ASSERT_EQ(run_command(folder, "fit " + iris + " --target species --l2 0.1 -o " + model).exit_code,
            0);
  ASSERT_EQ(
      run_command(folder, "predict " + model + " " + iris + " --proba -o " + folder.path("p.csv"))
          .exit_code,
      0);
  // The labels beside them, as the columns of their classes.
  std::ifstream rows(iris);
  std::string line;
  std::getline(rows, line);
  std::string labels;
  std::string names;
  std::istringstream predicted(folder.read("p.csv"));
  std::string prediction;
  std::getline(predicted, prediction);
  names = prediction + ",species\n";
  while (std::getline(rows, line) && std::getline(predicted, prediction)) {
    const std::string species = line.substr(line.rfind(',') + 1);
    labels += species == "setosa" ? "0\n" : species == "versicolor" ? "1\n" : "2\n";
    names += prediction + "," + species + "\n";
  }
  const auto by_file = run_command(
      folder, "calibrate " + folder.path("p.csv") + " --ignore prediction --input probs --labels " +
                  folder.write("labels.txt", labels) + " --json --quiet");
  ASSERT_EQ(by_file.exit_code, 0) << by_file.out;
  const auto by_name =
      run_command(folder, "calibrate " + folder.write("all.csv", names) +
                              " --ignore prediction --input probs --target species --json --quiet");
  ASSERT_EQ(by_name.exit_code, 0) << by_name.out;
  EXPECT_EQ(by_file.json()["temperature"], by_name.json()["temperature"]);
  EXPECT_LT(by_file.json()["temperature"], 0.9);  // the penalty made the model too unsure
  const auto evaluated =
      run_command(folder, "evaluate " + model + " " + iris + " --json --quiet").json();
  EXPECT_NEAR(by_file.json()["before"]["nll"].get<double>(),
              evaluated["metrics"]["log_loss"].get<double>(), 1e-6);
  EXPECT_NEAR(by_file.json()["before"]["ece"].get<double>(),
              evaluated["metrics"]["ece"].get<double>(), 1e-6);
  EXPECT_NEAR(by_file.json()["before"]["brier"].get<double>(),
              evaluated["metrics"]["brier"].get<double>(), 1e-6);
}

// Iris: a model that its penalty made too unsure, and the rows' classes by number.
struct Iris {
  std::string data = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  std::string model;
  std::string labels;

  explicit Iris(const TemporaryFolder& folder) : model(folder.path("iris.json")) {
    EXPECT_EQ(
        run_command(folder, "fit " + data + " --target species --l2 0.1 -o " + model).exit_code, 0);
    std::ifstream rows(data);
    std::string line;
    std::getline(rows, line);
    std::string text;
    while (std::getline(rows, line)) {
      const std::string species = line.substr(line.rfind(',') + 1);
      text += species == "setosa" ? "0\n" : species == "versicolor" ? "1\n" : "2\n";
    }
    labels = folder.write("iris_labels.txt", text);
  }
};

TEST(CalibrateCommand, LogitsOfPredictComeBackIntoTheModel) {
  const TemporaryFolder folder;
  const Iris iris(folder);
  const std::string npy_file = folder.path("logits.npy");
  const std::string csv_file = folder.path("logits.csv");
  for (const std::string& file : {npy_file, csv_file}) {
    const CommandRun run =
        run_command(folder, "predict " + iris.model + " " + iris.data + " --logits -o " + file);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  EXPECT_EQ(folder.read("logits.csv").rfind("logit_setosa,logit_versicolor,logit_virginica\n", 0),
            0U);
  EXPECT_EQ(folder.read("logits.npy").size(), 128U + 150 * 3 * 4);
  const auto evaluated = [&](const std::string& model) {
    return run_command(folder, "evaluate " + model + " " + iris.data + " --json --quiet")
        .json()["metrics"];
  };
  const std::string before = folder.read("iris.json");
  const double plain_loss = evaluated(iris.model)["log_loss"];
  for (const std::string method : {"temperature", "vector", "matrix"}) {
    SCOPED_TRACE(method);
    const std::string calibrated = folder.path(method + ".json");
    const CommandRun run = run_command(
        folder, "calibrate " + npy_file + " --labels " + iris.labels + " --method " + method +
                    " --into " + iris.model + " -o " + calibrated + " --json --quiet");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto json = run.json();
    EXPECT_EQ(json["method"], method);
    EXPECT_EQ(json["model"], calibrated);
    EXPECT_NEAR(json["before"]["nll"].get<double>(), plain_loss, 1e-6);
    const auto metrics = evaluated(calibrated);
    for (const auto& [mine, theirs] :
         {std::pair("log_loss", "nll"), std::pair("accuracy", "accuracy"), std::pair("ece", "ece"),
          std::pair("brier", "brier")}) {
      EXPECT_NEAR(metrics[mine].get<double>(), json["after"][theirs].get<double>(), 1e-6) << mine;
    }
    EXPECT_LT(metrics["log_loss"], plain_loss);
    const auto saved = nlohmann::json::parse(folder.read(method + ".json"));
    EXPECT_EQ(saved["format_version"], 2);
    EXPECT_EQ(saved["calibration"]["method"], method);
    // Logits are the model's own, whatever calibration it carries.
    const std::string again = folder.path("again.npy");
    ASSERT_EQ(
        run_command(folder, "predict " + calibrated + " " + iris.data + " --logits -o " + again)
            .exit_code,
        0);
    EXPECT_EQ(folder.read("again.npy"), folder.read("logits.npy"));
    const CommandRun twice =
        run_command(folder, "calibrate " + csv_file + " --input probs --labels " + iris.labels +
                                " --into " + calibrated);
    EXPECT_NE(twice.exit_code, 0);
  }
  EXPECT_EQ(folder.read("iris.json"), before);
  const auto by_text =
      run_command(folder, "calibrate " + csv_file + " --labels " + iris.labels + " --json --quiet");
  ASSERT_EQ(by_text.exit_code, 0) << by_text.err;
  const auto by_array =
      run_command(folder, "calibrate " + npy_file + " --labels " + iris.labels + " --json --quiet");
  EXPECT_NEAR(by_text.json()["temperature"].get<double>(),
              by_array.json()["temperature"].get<double>(), 1e-12);
  // Without -o the model itself is replaced.
  ASSERT_EQ(run_command(folder, "calibrate " + npy_file + " --labels " + iris.labels + " --into " +
                                    iris.model)
                .exit_code,
            0);
  EXPECT_NEAR(evaluated(iris.model)["log_loss"].get<double>(),
              by_array.json()["after"]["nll"].get<double>(), 1e-6);
}

TEST(CalibrateCommand, OtherModelsTakeNoCalibration) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const Iris iris(folder);
  const CommandRun classes = run_command(
      folder, "calibrate " + files.logits + " --labels " + files.labels + " --into " + iris.model);
  EXPECT_EQ(classes.exit_code, 2);
  EXPECT_NE(classes.err.find("has 3 classes, and the logits have 5"), std::string::npos);
  const std::string linear = folder.path("linear.json");
  ASSERT_EQ(run_command(folder,
                        "fit " + iris.data + " --target sepal_length --ignore species -o " + linear)
                .exit_code,
            0);
  const CommandRun kind = run_command(
      folder, "calibrate " + files.logits + " --labels " + files.labels + " --into " + linear);
  EXPECT_EQ(kind.exit_code, 2);
  EXPECT_NE(kind.err.find("is a linear model"), std::string::npos) << kind.err;
  EXPECT_EQ(run_command(folder, "predict " + linear + " " + iris.data + " --logits").exit_code, 3);
  EXPECT_EQ(run_command(folder, "predict " + iris.model + " " + iris.data + " --proba -o " +
                                    folder.path("p.npy"))
                .exit_code,
            3);
  EXPECT_EQ(run_command(folder, "predict " + iris.model + " " + iris.data + " --proba --logits")
                .exit_code,
            3);
}

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

TEST(CalibrateCommand, StatusesWithoutAnOptimumApplyNothing) {
  const TemporaryFolder folder;
  const std::string zero = folder.write("zero.csv", "a,b,y\n1,0,a\n3,1,a\n0,2,b\n");
  const auto run = run_command(folder, "calibrate " + zero + " --target y --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["status"], "zero");
  EXPECT_EQ(run.json()["temperature"], 0.0);
  EXPECT_TRUE(run.json()["beta"].is_null());
  EXPECT_TRUE(run.json()["after"].is_null());
  const auto applied =
      run_command(folder, "calibrate " + zero + " --target y --apply " + folder.path("p.npy"));
  EXPECT_EQ(applied.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path("p.npy")));
  const std::string wrong = folder.write("wrong.csv", "a,b,y\n1,0,1\n3,1,1\n0,2,0\n");
  const auto infinite = run_command(folder, "calibrate " + wrong + " --target y --json --quiet");
  EXPECT_EQ(infinite.json()["status"], "infinite");
  EXPECT_TRUE(infinite.json()["temperature"].is_null());
}

TEST(CalibrateCommand, WrongInputAndOptionsAreOneSentence) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  struct Case {
    std::string arguments;
    int exit_code;
    const char* text;
  };
  const std::string huge =
      folder.write("huge.npy", npy("<f4", "(1000000000000000000, 2)", "12345678"));
  const std::string named = folder.write("named.csv", "a,b,y\n1,0,a\n3,1,c\n");
  const std::string text = folder.write("text.csv", "a,b,y\n1,0,0\n3,x,1\n");
  const std::string range = folder.write("range.csv", "a,b,y\n1,0,0\n3,1,2\n");
  for (const Case& bad : {
           Case{files.logits, 3, "--labels FILE"},
           Case{lesson, 3, "--target"},
           Case{lesson + " --target label --labels " + files.labels, 3, "both name the labels"},
           Case{files.logits + " --target 1", 3, "--labels FILE"},
           Case{files.logits + " --labels " + files.labels + " --input odds", 3,
                "logits, logprobs or probs"},
           Case{files.logits + " --labels " + files.labels + " --method beta", 3, "--method"},
           Case{files.logits + " --labels " + files.labels + " --smoothing 1", 3, "[0, 1)"},
           Case{files.logits + " --labels " + files.labels + " --apply-as x", 3, "probs or logits"},
           Case{files.logits + " --labels " + files.labels + " --apply " + files.logits, 3,
                "write to another file"},
           Case{files.logits + " --labels " + files.labels + " --penalty 1", 3, "vector or matrix"},
           Case{files.logits + " --labels " + files.labels + " --method matrix --penalty x", 3,
                "not a number"},
           Case{files.logits + " --labels " + files.labels + " --method matrix --penalty -1", 3,
                "0 or more"},
           Case{files.logits + " --labels " + files.labels + " --method vector --smooth-labels", 3,
                "--method temperature"},
           Case{files.logits + " --labels " + files.labels + " --method vector --valid-fraction 1",
                3, "--valid-fraction 1"},
           Case{files.logits + " --labels " + files.labels + " --bootstrap -1", 3, "--bootstrap"},
           Case{files.logits + " --labels " + files.labels + " --into " + lesson, 2,
                "not a whole model file"},
           Case{files.logits + " --labels " + files.labels + " --group " + files.logits, 2,
                "wrong shape"},
           Case{files.logits + " --labels " + files.labels + " --group " + lesson +
                    " --method vector",
                3, "--group"},
           Case{files.logits + " --labels " + folder.path("none.npy"), 2, "none.npy"},
           Case{folder.path("none.npy") + " --labels " + files.labels, 2, "none.npy"},
           Case{huge + " --labels " + files.labels, 2, "header promises"},
           Case{files.labels + " --labels " + files.labels, 2, "float16, float32 or float64"},
           Case{named + " --target y", 2, "\"c\" names none of the columns"},
           Case{range + " --target y", 2, "whole number in [0, 2)"},
           Case{text + " --target y", 2, "b"},
           Case{range + " --target y --input probs", 2, "label"},
           Case{files.logits + " --labels " + files.labels + " --input probs", 2,
                "is no probability"},
           Case{files.logits + " --labels /", 2, "is a directory"},
       }) {
    const CommandRun run = run_command(folder, "calibrate " + bad.arguments);
    EXPECT_EQ(run.exit_code, bad.exit_code) << bad.arguments << run.err;
    EXPECT_NE(run.err.find(bad.text), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
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
  const CommandRun stopped = run_command(
      folder,
      command + " --threads 1 --memory 64M --apply " + output + " -o " + folder.path("c.json"),
      "timeout --preserve-status -s INT 0.1 ");
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_FALSE(std::filesystem::exists(output));
  EXPECT_EQ(folder.entries(), entries);
}

}  // namespace
}  // namespace steepest::tests
