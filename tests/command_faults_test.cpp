// SPDX-License-Identifier: Apache-2.0
// Disks that are full, broken or read-only, files that change while they are read, memory that runs
// out: one sentence, the right exit code, what was there before as it was, nothing left over.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "tests/run_command.hpp"
#include "tests/sanitizers.hpp"

namespace steepest::tests {
namespace {

#ifdef STEEPEST_SANITIZED
constexpr bool has_sanitizer = true;
#else
constexpr bool has_sanitizer = false;
#endif

const char* const old_content = "what was there before\n";

// A command that writes, and the name it writes to.
struct Writer {
  const char* name;
  const char* arguments;  // D stands for the folder of the inputs
  const char* option;     // the output goes behind it
};

const Writer writers[] = {
    {"Fit", "fit D/wide.csv --target y --l2 0.1", "-o"},
    {"Sweep", "sweep D/long.csv --target y --epochs 40 --schedules constant,cosine", "-o"},
    {"Convert", "convert D/wide.csv --target y", "-o"},
    {"Predict", "predict D/model.json D/long.csv", "-o"},
    {"CalibrateApply", "calibrate D/logits.csv --target label", "--apply"}};

template <class Case>
std::string name_of(const testing::TestParamInfo<Case>& one) {
  return one.param.name;
}

std::string with_folder(std::string text, const std::string& folder) {
  for (std::size_t at = 0; (at = text.find("D/", at)) != std::string::npos; at += folder.size()) {
    text.replace(at, 1, folder);
  }
  return text;
}

class Faults : public testing::TestWithParam<Writer> {
 protected:
  static void SetUpTestSuite() {
    inputs_ = std::make_unique<TemporaryFolder>();
    const std::string& d = inputs_->path("");
    for (const char* const command : {"generate linear --rows 400 --features 300 -o D/wide.csv",
                                      "generate linear --rows 20000 --features 4 -o D/long.csv",
                                      "fit D/long.csv --target y -o D/model.json",
                                      "generate logits --rows 5000 --classes 10 -o D/logits.csv"}) {
      ASSERT_EQ(run_command(*inputs_, with_folder(command, d)).exit_code, 0) << command;
    }
  }
  static void TearDownTestSuite() { inputs_.reset(); }

  static std::string arguments() { return with_folder(GetParam().arguments, inputs_->path("")); }

  static std::unique_ptr<TemporaryFolder> inputs_;
};

std::unique_ptr<TemporaryFolder> Faults::inputs_;

INSTANTIATE_TEST_SUITE_P(Commands, Faults, testing::ValuesIn(writers), name_of<Writer>);

// As a full disk, but for the number of the error: needs no rights at all.
TEST_P(Faults, AFileThatMayNotGrowLeavesTheOldOne) {
  const TemporaryFolder folder;
  const bool converts = std::string(GetParam().name) == "Convert";
  if (!converts) {
    static_cast<void>(folder.write("out", old_content));
  }
  const CommandRun run = run_command(
      folder, arguments() + " " + GetParam().option + " " + folder.path("out"), "ulimit -f 8; ");
  EXPECT_EQ(run.exit_code, 2) << run.err;
  EXPECT_NE(run.err.find("File too large"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find(folder.path("out")), std::string::npos) << run.err;
  EXPECT_EQ(folder.entries(), converts ? 0 : 1);
  if (!converts) {
    EXPECT_EQ(folder.read("out"), old_content);
  }
}

// In a mount namespace of its own, where the system lets anybody make one.
class OnAnotherDisk : public Faults {
 protected:
  // What the shell printed: the exit code, the names in the folder, and what `out` holds.
  CommandRun run_on(const std::string& mount_options, const std::string& more) {
    const TemporaryFolder folder;
    const std::string disk = folder.path("disk");
    std::filesystem::create_directory(disk);
    const bool converts = std::string(GetParam().name) == "Convert";
    const std::string script = folder.write(
        "script", "mount -t tmpfs -o " + mount_options + " none " + disk + " || exit 99\n" +
                      (converts ? "" : "echo '" + std::string("old") + "' > " + disk + "/out\n") +
                      more + STEEPEST_COMMAND " " + arguments() + " " + GetParam().option + " " +
                      disk + "/out >/dev/null\n" + "echo code $?\nls -A " + disk + "\n" +
                      (converts ? "" : "cat " + disk + "/out\n"));
    CommandRun run;
    const std::string errors = folder.path("errors");
    std::FILE* pipe = popen(
        ("unshare --user --map-root-user --mount sh " + script + " 2>" + errors).c_str(), "r");
    std::array<char, 4096> buffer{};
    for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
      run.out.append(buffer.data(), size);
    }
    run.exit_code = WEXITSTATUS(pclose(pipe));
    run.err = folder.read("errors");
    return run;
  }

  static std::string expected() {
    return std::string(GetParam().name) == "Convert" ? "code 2\n" : "code 2\nout\nold\n";
  }
};

INSTANTIATE_TEST_SUITE_P(Commands, OnAnotherDisk, testing::ValuesIn(writers), name_of<Writer>);

TEST_P(OnAnotherDisk, AFullOneKeepsTheOldFile) {
  const CommandRun run = run_on("size=8k", "");
  if (run.out.empty()) {
    GTEST_SKIP() << "no mount namespace can be made here: " << run.err;
  }
  EXPECT_EQ(run.out, expected()) << run.err;
  EXPECT_NE(run.err.find("No space left on device"), std::string::npos) << run.err;
}

TEST_P(OnAnotherDisk, AReadOnlyOneIsNamed) {
  const CommandRun run = run_on("size=1m", "mount -o remount,ro none \"$(dirname \"$0\")/disk\"\n");
  if (run.out.empty()) {
    GTEST_SKIP() << "no mount namespace can be made here: " << run.err;
  }
  EXPECT_EQ(run.out, expected()) << run.err;
  EXPECT_NE(run.err.find("Read-only file system"), std::string::npos) << run.err;
}

// A file that something happens to when half of it has been read.
struct Reader {
  const char* name;
  const char* file;  // a copy of it is read
  const char* arguments;
};

class FileFaults : public testing::TestWithParam<Reader> {};

INSTANTIATE_TEST_SUITE_P(
    Commands, FileFaults,
    testing::Values(Reader{"Fit", "long.csv", "fit D/long.csv --target y -o D/out"},
                    Reader{"OneThread", "long.csv",
                           "fit D/long.csv --target y --threads 1 -o D/out"},
                    Reader{"Sweep", "long.csv", "sweep D/long.csv --target y --epochs 2 -o D/out"},
                    Reader{"Convert", "long.csv", "convert D/long.csv --target y -o D/table"},
                    Reader{"Predict", "long.csv", "predict D/model.json D/long.csv -o D/out"},
                    Reader{"Inspect", "long.csv", "inspect D/long.csv"},
                    Reader{"Table", "table/targets.npy", "fit D/table -o D/out"},
                    Reader{"Compressed", "long.csv.gz", "fit D/long.csv.gz --target y -o D/out"},
                    Reader{"Calibrate", "logits.npy",
                           "calibrate D/logits.npy --labels D/labels.txt --apply D/out"}),
    name_of<Reader>);

TEST_P(FileFaults, AreNamedAndLeaveTheOldOutput) {
  if (has_sanitizer) {
    GTEST_SKIP() << "a sanitizer wants to be the first library";
  }
  const TemporaryFolder folder;
  const std::string d = folder.path("");
  for (const char* const command :
       {"generate linear --rows 20000 --features 4 -o D/long.csv",
        "fit D/long.csv --target y -o D/model.json", "convert D/long.csv --target y -o D/table",
        "generate softmax --rows 20000 --features 3 --classes 5 -o "
        "D/classes.csv",
        "fit D/classes.csv --target label --model softmax -o D/classes.json",
        "predict D/classes.json D/classes.csv --logits -o "
        "D/logits.npy"}) {
    ASSERT_EQ(run_command(folder, with_folder(command, d)).exit_code, 0) << command;
  }
  ASSERT_EQ(std::system(("gzip -k " + folder.path("long.csv")).c_str()), 0);
  std::string labels;
  for (int i = 0; i < 20000; ++i) {
    labels += std::to_string(i % 5) + "\n";
  }
  static_cast<void>(folder.write("labels.txt", labels));
  static_cast<void>(folder.write("out", old_content));
  const std::string path = folder.path(GetParam().file);
  const std::string whole = folder.read(GetParam().file);
  const std::int64_t entries = folder.entries();
  for (const char* const kind : {"error", "cut", "grow", "touch"}) {
    SCOPED_TRACE(kind);
    static_cast<void>(folder.write(GetParam().file, whole));
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    const CommandRun run =
        run_command(folder, with_folder(GetParam().arguments, d),
                    "LD_PRELOAD=" STEEPEST_READ_FAULT " STEEPEST_FAULT=" + std::string(kind) + ":" +
                        std::to_string(whole.size() / 2) + ":" + path + " ");
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_NE(run.err.find(GetParam().file), std::string::npos) << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    if (std::string(kind) == "error") {
      EXPECT_NE(run.err.find("Input/output error"), std::string::npos) << run.err;
    } else if (std::string(kind) == "touch") {
      EXPECT_NE(run.err.find("was written to while it was read"), std::string::npos) << run.err;
    }
    EXPECT_EQ(folder.read("out"), old_content);
    EXPECT_EQ(folder.entries(), entries);
  }
}

TEST(MemoryLimit, IsNamedWithItsSizesAndWhatToTry) {
  if (has_sanitizer) {
    GTEST_SKIP() << "sanitizers take terabytes of address space";
  }
  const TemporaryFolder folder;
  const auto run_within = [&](const std::string& data, std::int64_t kibibytes) {
    return run_command(folder,
                       "fit " + data + " --target y --threads 2 --device cpu --memory 8G -o " +
                           folder.path("m.json"),
                       "ulimit -v " + std::to_string(kibibytes) + "; ");
  };
  // What the program and its libraries take without data: much with CUDA's, little without.
  const std::string small = folder.write("small.csv", "x,y\n1,2\n2,3\n3,5\n");
  constexpr std::int64_t step = 32 << 10;
  std::int64_t limit = step;
  while (run_within(small, limit).exit_code != 0) {
    limit += step;
    ASSERT_LT(limit, std::int64_t{16} << 20);
  }
  const std::string data = folder.path("d.csv");
  ASSERT_EQ(
      run_command(folder, "generate linear --rows 300000 --features 200 -o " + data).exit_code, 0);
  std::filesystem::remove(folder.path("m.json"));
  const CommandRun out = run_within(data, limit + 2 * step);  // of four times as much
  EXPECT_EQ(out.exit_code, 2) << out.err;
  for (const char* const piece : {"memory ran out", "MB (ulimit -v)", "--memory", "--features"}) {
    EXPECT_NE(out.err.find(piece), std::string::npos) << out.err;
  }
  EXPECT_EQ(folder.entries(), 2);
}

// Replaces the number behind a key.
std::string newer(std::string json) {
  const std::string key = "\"format_version\": ";
  const std::size_t at = json.find(key) + key.size();
  return json.replace(at, 1, "99");
}

TEST(NewerVersions, AreRefusedByName) {
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  ASSERT_EQ(run_command(folder, "fit " + iris + " --target species -o " + folder.path("m.json"))
                .exit_code,
            0);
  ASSERT_EQ(
      run_command(folder, "convert " + iris + " --target species -o " + folder.path("t")).exit_code,
      0);
  static_cast<void>(folder.write("m.json", newer(folder.read("m.json"))));
  static_cast<void>(folder.write("t/schema.json", newer(folder.read("t/schema.json"))));
  for (const std::string& command :
       {"predict " + folder.path("m.json") + " " + iris, "fit " + folder.path("t"),
        "fit " + iris + " --target species --init " + folder.path("m.json")}) {
    const CommandRun run = run_command(folder, command);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_NE(run.err.find("has format version 99"), std::string::npos) << run.err;
  }
}

class StoppedFit : public testing::Test {
 protected:
  StoppedFit() {
    static_cast<void>(run_command(
        folder_,
        "generate softmax --rows 3000 --features 6 --classes 3 -o " + folder_.path("d.csv")));
    static_cast<void>(run("model.json", " --max-seconds 0.0001"));
    // Every start saves one at least: two are there now.
    const CommandRun stopped = run("model.json", " --max-seconds 0.0001 --resume");
    EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
    EXPECT_NE(stopped.out.find("the same command with --resume"), std::string::npos) << stopped.out;
  }

  CommandRun run(const std::string& model, const std::string& more, bool saves = true) {
    return run_command(folder_, "fit " + folder_.path("d.csv") +
                                    " --target label --batch-size 100 --epochs 8 -o " +
                                    folder_.path(model) +
                                    (saves ? " --checkpoint " + folder_.path("state") : "") +
                                    " --checkpoint-every 1steps" + more);
  }

  TemporaryFolder folder_;
};

TEST_F(StoppedFit, GoesOnFromTheCheckpointBeforeADamagedOne) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path("state"))) {
    newest = std::max(newest, entry.path().string());
  }
  std::filesystem::resize_file(newest, std::filesystem::file_size(newest) - 1);
  const CommandRun resumed = run("model.json", " --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("passed over"), std::string::npos) << resumed.err;
  EXPECT_NE(resumed.err.find(newest), std::string::npos) << resumed.err;
  const TemporaryFolder other;
  ASSERT_EQ(run("whole.json", " --checkpoint " + other.path("state"), false).exit_code, 0);
  EXPECT_EQ(folder_.read("model.json"), folder_.read("whole.json"));
}

TEST_F(StoppedFit, IsNotReplacedByAnother) {
  const CommandRun again = run("model.json", "");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("--resume"), std::string::npos) << again.err;
}

TEST(StandardOutput, ThatIsFullIsAnError) {
  if (!std::filesystem::is_character_file("/dev/full")) {
    GTEST_SKIP() << "there is no /dev/full here";
  }
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  for (const std::string& command : {"inspect " + iris + " > /dev/full",
                                     "fit " + iris + " --target species --json > /dev/full"}) {
    const CommandRun run = run_command(folder, command);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_NE(run.err.find("standard output"), std::string::npos) << run.err;
  }
}

}  // namespace
}  // namespace steepest::tests
