// SPDX-License-Identifier: Apache-2.0
// convert, and fits of folders and of data larger than --memory, end to end.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string diamonds = std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv";
const std::string columns = " --target price --categorical cut,color,clarity";

TEST(ConvertCommand, TheFolderFitsAsTheCsvDoes) {
  const TemporaryFolder folder;
  const std::string table = folder.path("table");
  const CommandRun made =
      run_command(folder, "convert " + diamonds + columns + " -o " + table + " --json");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.json()["command"], "convert");
  EXPECT_EQ(made.json()["data"]["rows"], 53940);
  EXPECT_EQ(made.json()["data"]["features"], 23);
  EXPECT_EQ(std::filesystem::file_size(table + "/features.npy"), 128U + 53940U * 23U * 4U);
  EXPECT_EQ(std::filesystem::file_size(table + "/targets.npy"), 128U + 53940U * 8U);
  EXPECT_TRUE(std::filesystem::exists(table + "/schema.json"));

  const CommandRun csv = run_command(folder, "fit " + diamonds + columns + " --json");
  const CommandRun fitted =
      run_command(folder, "fit " + table + " --json -o " + folder.path("m.json"));
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  EXPECT_EQ(fitted.json()["model"], csv.json()["model"]);
  EXPECT_EQ(fitted.json()["data"]["streamed"], false);

  // The model reads the CSV, and measures the folder.
  const CommandRun by_csv =
      run_command(folder, "evaluate " + folder.path("m.json") + " " + diamonds + " --json");
  const CommandRun by_table =
      run_command(folder, "evaluate " + folder.path("m.json") + " " + table + " --json");
  ASSERT_EQ(by_table.exit_code, 0) << by_table.err;
  EXPECT_EQ(by_table.json()["metrics"], by_csv.json()["metrics"]);
}

// Categories take fewer bytes as they are read than as they are written: between the two, a file
// that may not grow ends the writing, and not the reading.
TEST(ConvertCommand, GoesOnBehindAFullDiskButNotWithAnotherInput) {
  const TemporaryFolder folder;
  const std::string data = folder.path("d.csv");
  std::filesystem::copy_file(diamonds, data);
  const std::string convert = "convert " + data + columns + " --json -o ";
  ASSERT_EQ(run_command(folder, convert + folder.path("whole")).exit_code, 0);
  const std::string resumable = convert + folder.path("t") + " --checkpoint " + folder.path("st");
  const CommandRun full = run_command(folder, resumable, "ulimit -f 4500; ");
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_NE(full.err.find("File too large"), std::string::npos) << full.err;
  EXPECT_EQ(folder.entries(), 3);  // nothing beside the name of the folder
  const CommandRun anew = run_command(folder, resumable);
  EXPECT_EQ(anew.exit_code, 2);
  EXPECT_NE(anew.err.find("--resume"), std::string::npos) << anew.err;

  const auto time = std::filesystem::last_write_time(data);
  std::filesystem::last_write_time(data, time + std::chrono::seconds(1));
  const CommandRun changed = run_command(folder, resumable + " --resume");
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_NE(changed.err.find("the run had " + data), std::string::npos) << changed.err;
  std::filesystem::last_write_time(data, time);
  const CommandRun other = run_command(folder, resumable + " --resume --missing zero");
  EXPECT_NE(other.err.find("the run had --missing error"), std::string::npos) << other.err;

  const CommandRun done = run_command(folder, resumable + " --resume");
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.json()["checkpoint"]["resumed_from"], nullptr);
  EXPECT_EQ(done.json()["data"]["bytes_read"], std::filesystem::file_size(data));
  for (const char* const file : {"/features.npy", "/targets.npy", "/schema.json"}) {
    EXPECT_TRUE(folder.read("t" + std::string(file)) == folder.read("whole" + std::string(file)));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("st")));
}

TEST(ConvertCommand, CheckpointsAreOfFilesThatCanBeReadAgain) {
  const TemporaryFolder folder;
  const TemporaryFolder pipes;
  const std::string pipe = pipes.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string more =
      " --target price -o " + folder.path("t") + " --checkpoint " + folder.path("st");
  for (const auto& [command, said] :
       {std::pair{"convert - " + more + " < " + diamonds, "standard input"},
        std::pair{"convert " + pipe + more, "no regular file"},
        std::pair{"convert " + folder.path("") + more, "is a folder"},
        std::pair{"convert " + diamonds + more + " --checkpoint-every 5steps", "seconds"},
        std::pair{"convert " + diamonds + " --target price -o " + folder.path("t") + " --resume",
                  "--checkpoint"}}) {
    const CommandRun run = run_command(folder, command);
    EXPECT_EQ(run.exit_code, 3) << run.err;
    EXPECT_NE(run.err.find(said), std::string::npos) << run.err;
    EXPECT_EQ(folder.entries(), 0);
  }
}

// Whatever it is called.
TEST(ConvertCommand, AFileBesideTheCheckpointsIsLeftAlone) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("st"));
  for (const char* const name : {"st/rejects.csv", "st/features.rows"}) {
    const std::string data = folder.path(name);
    std::filesystem::copy_file(diamonds, data);
    const CommandRun run =
        run_command(folder, "convert " + data + columns + " --on-bad-row skip --rejects " +
                                folder.path("st/bad.csv") + " -o " + folder.path("t") +
                                " --checkpoint " + folder.path("st"));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(std::filesystem::file_size(data), std::filesystem::file_size(diamonds));
    EXPECT_TRUE(std::filesystem::exists(folder.path("st/bad.csv")));
  }
  std::filesystem::create_directory(folder.path("st/rows"));
  std::filesystem::copy_file(diamonds, folder.path("st/rows/a.csv"));
  const CommandRun within =
      run_command(folder, "convert " + folder.path("st/rows/a.csv") + columns + " -o " +
                              folder.path("t") + " --checkpoint " + folder.path("st/"));
  EXPECT_EQ(within.exit_code, 3) << within.err;
  EXPECT_NE(within.err.find("where --checkpoint keeps rows"), std::string::npos) << within.err;
  const CommandRun same =
      run_command(folder, "convert " + diamonds + columns + " -o " + folder.path("u") +
                              " --checkpoint " + folder.path("u/"));
  EXPECT_EQ(same.exit_code, 3) << same.err;
}

TEST(ConvertCommand, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const CommandRun no_target =
      run_command(folder, "convert " + diamonds + " -o " + folder.path("t"));
  EXPECT_EQ(no_target.exit_code, 3);
  EXPECT_NE(no_target.err.find("--target"), std::string::npos) << no_target.err;
  const CommandRun text =
      run_command(folder, "convert " + diamonds + " --target price -o " + folder.path("t"));
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path("t")));
  std::filesystem::create_directory(folder.path("mine"));
  std::ofstream(folder.path("mine") + "/a.txt") << "mine";
  const CommandRun taken =
      run_command(folder, "convert " + diamonds + columns + " -o " + folder.path("mine"));
  EXPECT_EQ(taken.exit_code, 2);
  EXPECT_NE(taken.err.find("left alone"), std::string::npos) << taken.err;
  const CommandRun not_table = run_command(folder, "fit " + folder.path("mine"));
  EXPECT_EQ(not_table.exit_code, 2);
  EXPECT_NE(not_table.err.find("schema.json"), std::string::npos) << not_table.err;
  const CommandRun memory = run_command(folder, "fit " + diamonds + columns + " --memory much");
  EXPECT_EQ(memory.exit_code, 3);
  EXPECT_NE(memory.err.find("500M"), std::string::npos) << memory.err;
  EXPECT_EQ(run_command(folder, "fit " + diamonds + columns + " --memory 1M").exit_code, 3);
}

TEST(LargerThanMemory, FitsToTheBitAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      run_command(folder, "generate linear --rows 250000 --features 64 -o " + folder.path("d.csv"))
          .exit_code,
      0);
  std::filesystem::create_directory(folder.path("cache"));
  const std::string fit = "fit " + folder.path("d.csv") + " --target y --device cpu --json ";
  for (const char* const options : {"", "--valid-fraction 0.1 --batch-size 4096 --epochs 2 "}) {
    const CommandRun memory = run_command(folder, fit + options);
    const CommandRun files =
        run_command(folder, fit + options + "--memory 64M --cache " + folder.path("cache"));
    ASSERT_EQ(files.exit_code, 0) << files.err;
    EXPECT_EQ(memory.json()["data"]["streamed"], false);
    EXPECT_EQ(files.json()["data"]["streamed"], true);
    EXPECT_EQ(files.json()["model"], memory.json()["model"]);
    EXPECT_EQ(files.json()["metrics"], memory.json()["metrics"]);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path("cache")));
  }
  const CommandRun nowhere = run_command(folder, fit + "--memory 64M --cache /nowhere/at/all");
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_NE(nowhere.err.find("--cache"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace steepest::tests
