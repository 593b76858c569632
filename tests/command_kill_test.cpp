// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments: what goes on from a checkpoint ends like what was never killed, and
// leaves no file behind that nobody asked for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

using Clock = std::chrono::steady_clock;

// More in a run by hand: STEEPEST_KILLS=100.
int kills_wanted() {
  const char* const text = std::getenv("STEEPEST_KILLS");
  return text != nullptr ? std::atoi(text) : 12;
}

pid_t start(const std::vector<std::string>& arguments) {
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    std::vector<char*> words = {const_cast<char*>(STEEPEST_COMMAND)};
    for (const std::string& argument : arguments) {
      words.push_back(const_cast<char*>(argument.c_str()));
    }
    words.push_back(nullptr);
    execv(STEEPEST_COMMAND, words.data());
    _exit(127);
  }
  return child;
}

// Exit code, or -1 where it was killed.
int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

double seconds_of(const std::vector<std::string>& arguments) {
  const auto began = Clock::now();
  EXPECT_EQ(wait_for(start(arguments)), 0);
  return std::chrono::duration<double>(Clock::now() - began).count();
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// Starts again and again and kills, until as many were killed as wanted, and lets one end. Returns
// whether any had a checkpoint to go on from.
bool kill_and_go_on(const std::vector<std::string>& arguments, double whole, int kills,
                    std::mt19937& random, const std::string& state) {
  bool saved = false;
  std::uniform_real_distribution<double> moment(0.0, whole);
  for (int killed = 0; killed < kills;) {
    const pid_t child = start(arguments);
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    kill(child, SIGKILL);
    if (wait_for(child) != -1) {  // it was through before
      break;
    }
    ++killed;
    saved = saved || (std::filesystem::is_directory(state) && !names_in(state).empty());
  }
  EXPECT_EQ(wait_for(start(arguments)), 0);
  return saved;
}

class Killed : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(
        run_command(folder_,
                    "generate softmax --rows 20000 --features 12 --classes 4 --condition 1000 -o " +
                        folder_.path("data.csv"))
            .exit_code,
        0);
  }

  // `output` is what the command writes to; it is run to its end beside, for comparison.
  void expect_equal_after_kills(std::vector<std::string> arguments, const std::string& output) {
    std::vector<std::string> whole = arguments;
    whole.insert(whole.end(), {"-o", folder_.path("whole-" + output)});
    const double seconds = seconds_of(whole);
    const std::string expected = result_of(folder_.path("whole-" + output));
    std::mt19937 random(11);
    arguments.insert(arguments.end(), {"-o", folder_.path(output)});
    const std::set<std::string> before = names_in(folder_.path(""));
    int resumed = 0;
    for (int killed = 0; killed < kills_wanted(); killed += 4) {
      std::vector<std::string> resumable = arguments;
      const std::string state = folder_.path("state");
      resumable.insert(resumable.end(),
                       {"--checkpoint", state, "--checkpoint-every", "0.01", "--resume"});
      resumed += kill_and_go_on(resumable, seconds, 4, random, state) ? 1 : 0;
      EXPECT_TRUE(result_of(folder_.path(output)) == expected);
      if (arguments.front() == "convert") {  // its rows are as large as what it has written
        EXPECT_TRUE(names_in(state).empty());
      }
      std::filesystem::remove_all(state);
      std::filesystem::remove_all(folder_.path(output));
      EXPECT_EQ(names_in(folder_.path("")), before);
    }
    EXPECT_GT(resumed, 0);  // or nothing was tested
  }

  [[nodiscard]] std::vector<std::string> fit(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {
        "fit",  data(), "--target", "label", "--model",          "softmax",
        "--l2", "1e-6", "--device", "cpu",   "--preconditioner", "none"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  virtual std::string result_of(const std::string& path) {
    std::string all;
    if (!std::filesystem::is_directory(path)) {
      return read(path);
    }
    for (const std::string& name : names_in(path)) {
      all += name + read(path + "/" + name);
    }
    return all;
  }

  static std::string read(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream content;
    content << stream.rdbuf();
    return content.str();
  }

  [[nodiscard]] std::string data() const { return folder_.path("data.csv"); }

  TemporaryFolder folder_;
};

TEST_F(Killed, FullBatchFit) {
  expect_equal_after_kills(
      fit({"--rule", "accelerated", "--tolerance-gradient", "1e-13", "--epochs", "600"}),
      "model.json");
}

TEST_F(Killed, MiniBatchFit) {
  expect_equal_after_kills(fit({"--rule", "momentum", "--batch-size", "256", "--epochs", "60"}),
                           "model.json");
}

TEST_F(Killed, QuasiNewtonFit) {
  expect_equal_after_kills(fit({"--rule", "lbfgs:5", "--tolerance-gradient", "1e-14"}),
                           "model.json");
}

TEST_F(Killed, QuantileFit) {
  expect_equal_after_kills({"fit", data(), "--target", "x1,x2,x3,x4,x5,x6", "--model", "linear",
                            "--loss", "quantile:0.3", "--ignore", "label", "--device", "cpu"},
                           "model.json");
}

TEST_F(Killed, FoldsOfAPath) {
  expect_equal_after_kills({"fit", data(), "--target", "label", "--model", "softmax", "--l2",
                            "1e-6:1e-1:log:20", "--folds", "4", "--device", "cpu"},
                           "model.json");
}

// Of a read that takes long beside the time between two checkpoints.
class KilledConvert : public Killed {
 protected:
  void SetUp() override {
    Killed::SetUp();
    std::ofstream rows(data());
    rows << "name,x,y,label\n";
    std::mt19937 random(5);
    for (int row = 0; row < 300'000; ++row) {
      const auto bits = random();
      rows << (row % 7919 == 17 ? "too,many,fields,in,this," : "") << "\"level " << bits % 9
           << "\"," << bits % 1000 << '.' << bits % 77 << ',' << bits % 13 << ",c" << bits % 5
           << '\n';
    }
  }

  [[nodiscard]] std::vector<std::string> convert(const std::string& file) const {
    return {"convert", file,      "--target",     "label", "--categorical",
            "name",    "--quiet", "--on-bad-row", "skip"};
  }

  // The rejected rows too.
  std::string result_of(const std::string& path) override {
    return Killed::result_of(path) + read(folder_.path("bad.csv"));
  }
};

TEST_F(KilledConvert, Text) {
  std::vector<std::string> arguments = convert(data());
  static_cast<void>(folder_.write("bad.csv", ""));
  arguments.insert(arguments.end(), {"--rejects", folder_.path("bad.csv")});
  expect_equal_after_kills(arguments, "table");
}

TEST_F(KilledConvert, SeveralCompressedFiles) {
  ASSERT_EQ(
      std::system(("gzip -k " + data() + " && cp " + data() + ".gz " + data() + ".2.gz").c_str()),
      0);
  static_cast<void>(folder_.write("bad.csv", ""));
  expect_equal_after_kills(convert(data() + ".*gz"), "table");
}

class KilledSweep : public Killed {
 protected:
  std::string result_of(const std::string& path) override {
    nlohmann::json json = nlohmann::json::parse(read(path));
    json.erase("seconds");
    json.erase("checkpoint");
    json["optimum"].erase("seconds");
    for (nlohmann::json& run : json["runs"]) {
      run.erase("seconds");
    }
    return json.dump();
  }
};

TEST_F(KilledSweep, AllBanks) {
  expect_equal_after_kills(
      {"sweep", data(), "--target", "label", "--model", "softmax", "--schedules", "constant,cosine",
       "--learning-rates", "0.25/L:4/L:log:3", "--batch-size", "full,1024", "--seeds", "2",
       "--epochs", "20", "--device", "cpu"},
      "results.json");
}

}  // namespace
}  // namespace steepest::tests
