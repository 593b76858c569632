// SPDX-License-Identifier: Apache-2.0
// Ties a read that is kept to the folder of its checkpoints.
#include "steepest/convert.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include "kernels/state_archive.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/input_files.hpp"
#include "src/data/kept_write.hpp"
#include "src/data/read_csv.hpp"
#include "src/data/row_store.hpp"
#include "src/train/checkpoint.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

namespace fs = std::filesystem;
using train::CheckpointFolder;
using train::RunIdentity;

std::string text(char character) {
  return character == '\0' ? std::string("none") : data::quoted(std::string(1, character));
}

template <std::size_t N>
std::string choice(std::size_t value, const char* const (&names)[N]) {
  return names[value];
}

// Size and time of change, which tell whether a file is still the one that was read.
std::string stamp_of(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return "nothing";  // the reader says why
  }
  if (!S_ISREG(status.st_mode)) {
    throw OptionError(
        fmt::format("--checkpoint needs input that can be read again from where it stopped: {} is "
                    "no regular file",
                    file));
  }
  return fmt::format("{} bytes of {:%Y-%m-%d %H:%M:%S}.{:09} UTC", data::grouped(status.st_size),
                     fmt::gmtime(status.st_mtim.tv_sec), status.st_mtim.tv_nsec);
}

// All that the rows, their texts' numbers and the rejects depend on.
RunIdentity identity_of(const ReadOptions& options) {
  RunIdentity run;
  run.kind = "convert";
  const std::vector<std::string> files = data::input_files(options.paths);
  for (const std::string& file : files) {
    if (file == "-") {
      throw OptionError(
          "--checkpoint needs input that can be read again from where it stopped: standard input "
          "cannot; give the file by its name");
    }
  }
  run.options = {
      {"the files", fmt::format("{}", fmt::join(files, " "))},
      {"--target", fmt::format("{}", fmt::join(options.targets, ","))},
      {"--features", fmt::format("{}", fmt::join(options.features, ","))},
      {"--ignore", fmt::format("{}", fmt::join(options.ignore, ","))},
      {"--categorical", fmt::format("{}", fmt::join(options.categorical, ","))},
      {"--weight", options.weight},
      {"--delimiter", options.delimiter ? text(*options.delimiter) : "auto"},
      {"--header", choice(static_cast<std::size_t>(options.header), {"auto", "yes", "no"})},
      {"--quote", text(options.quote)},
      {"--escape", text(options.escape)},
      {"--comment", options.comment ? text(*options.comment) : "auto"},
      {"--decimal", text(options.numbers.decimal)},
      {"--thousands", text(options.numbers.thousands)},
      {"--skip-lines", fmt::format("{}", options.skip_lines)},
      {"--na", fmt::format("{}", fmt::join(options.missing_texts, ","))},
      {"--missing",
       choice(static_cast<std::size_t>(options.missing), {"error", "mean", "drop", "zero"})},
      {"--on-bad-row", choice(static_cast<std::size_t>(options.bad_rows), {"error", "skip"})},
      {"--rejects", options.rejects_path.empty() ? "no" : "yes"},
      {"--model",
       choice(static_cast<std::size_t>(options.target_kind), {"auto", "linear", "softmax"})}};
  for (const std::string& file : files) {
    run.options.emplace_back(file, stamp_of(file));
  }
  return run;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of the rows read so far, within that of the checkpoints: nothing else lies in it.
std::string rows_folder(const std::string& checkpoints) {
  return (fs::path(checkpoints) / "rows").string();
}

// One name for each file, also for one that is not there yet.
fs::path whole_path(const std::string& path) {
  std::error_code ignored;
  fs::path whole = fs::weakly_canonical(fs::absolute(path), ignored);
  return whole.has_filename() ? whole : whole.parent_path();
}

bool lies_within(const std::string& path, const std::string& folder) {
  const fs::path inner = whole_path(path);
  const fs::path outer = whole_path(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

// A conversion that another process can go on with: the state of its read, and of what it writes.
class Resumable {
 public:
  Resumable(const CheckpointOptions& checkpoint, RunIdentity identity,
            std::vector<std::string>& warnings)
      : checkpoints_(checkpoint) {
    const std::optional<std::string> state = checkpoints_.open(std::move(identity), warnings);
    if (state) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*state, checkpoints_.resumed_from());
      exchange_state(archive);
      archive.expect_end();
      read_.resumed = read_state_;
    }
    read_.folder = rows_folder(checkpoints_.folder());
    std::error_code error;
    fs::create_directory(read_.folder, error);
    if (error) {
      throw InputError(Location{read_.folder}, "cannot be made: " + error.message());
    }
    read_.resumed_from = checkpoints_.resumed_from();
    read_.is_due = [this] { return checkpoints_.is_due(0); };
    read_.save = [this](const std::string& now) {
      read_state_ = now;
      save();
    };
    write_.is_due = read_.is_due;
    write_.save = [this] { save(); };
    write_.warn = [&warnings](const std::string& sentence) { warnings.push_back(sentence); };
  }

  [[nodiscard]] const data::KeptRead& read() const { return read_; }
  [[nodiscard]] data::KeptWrite& write() { return write_; }
  [[nodiscard]] const CheckpointFolder& checkpoints() const { return checkpoints_; }

  // The rows and the checkpoints of a conversion that is done. What cannot be removed stays.
  void clear(std::vector<std::string>& warnings) {
    try {
      checkpoints_.clear();
    } catch (const InputError& error) {
      warnings.push_back(fmt::format("checkpoints are left: {}", error.what()));
    }
    std::error_code ignored;
    for (const char* const name : data::RowStore::kept_names) {
      fs::remove(fs::path(read_.folder) / name, ignored);
    }
    fs::remove(fs::path(read_.folder) / data::kept_rejects, ignored);
    fs::remove(read_.folder, ignored);
  }

 private:
  void exchange_state(kernels::StateArchive& archive) {
    archive.exchange(read_state_);
    archive.exchange(write_.part.device);
    archive.exchange(write_.part.number);
    archive.exchange(write_.part.born);
    archive.exchange_in(write_.rows, 0, std::numeric_limits<std::int64_t>::max() / 2);
    write_.sum.exchange_state(archive);
  }

  void save() {
    kernels::StateArchive archive = kernels::StateArchive::writing();
    exchange_state(archive);
    checkpoints_.save(false, archive.written());
  }

  CheckpointFolder checkpoints_;
  std::string read_state_;
  data::KeptRead read_;
  data::KeptWrite write_;
};

RowStorage rows_only(RowStorage storage) {
  storage.statistics = false;
  return storage;
}

void describe(const ReadRows& read, Conversion& result) {
  result.schema = read.rows->schema();
  result.rows = read.rows->rows();
  result.outputs = read.rows->outputs();
  result.has_weights = read.rows->has_weights();
  result.rows_rejected = read.rows_rejected;
  result.bytes_read = read.bytes_read;
  result.read_seconds = read.read_seconds;
}

void convert_resumably(const ReadOptions& options, const RowStorage& storage,
                       const std::string& folder, const ReadProgress& reading,
                       const WriteProgress& writing, Resumable& resumable, Conversion& result) {
  result.resumed_from = resumable.checkpoints().resumed_from();
  const ReadRows read = data::read_csv(options, rows_only(storage), reading, nullptr,
                                       data::ReaderLimits{}, &resumable.read());
  describe(read, result);
  const auto start = std::chrono::steady_clock::now();
  data::write_table(*read.rows, folder, writing, resumable.write());
  result.write_seconds = seconds_since(start);
  if (!resumable.checkpoints().problem().empty()) {
    result.warnings.push_back("no checkpoint: " + resumable.checkpoints().problem());
  }
  resumable.clear(result.warnings);
}

void check_checkpoint(const ReadOptions& options, const CheckpointOptions& checkpoint,
                      const std::string& folder) {
  if (checkpoint.every_steps > 0) {
    throw OptionError("--checkpoint-every of convert is in seconds, as in 30");
  }
  if (lies_within(checkpoint.folder, folder)) {
    throw OptionError("--checkpoint lies in the folder of --output: give each one of its own");
  }
  for (const std::string& path : options.paths) {
    if (fs::is_directory(path)) {
      throw OptionError(fmt::format(
          "--checkpoint is for text: {} is a folder, which is not parsed but copied", path));
    }
  }
  const std::string rows = rows_folder(checkpoint.folder);
  for (const std::string& file : data::input_files(options.paths)) {
    if (file != "-" && lies_within(file, rows)) {
      throw OptionError(fmt::format(
          "{} lies in {}, where --checkpoint keeps rows: move it, or give another folder", file,
          rows));
    }
  }
}

}  // namespace

Conversion convert(const ReadOptions& options, const RowStorage& storage, const std::string& folder,
                   const CheckpointOptions& checkpoint, const ReadProgress& reading,
                   const WriteProgress& writing, CutConversion* cut) {
  if (checkpoint.folder.empty()) {
    Conversion result;
    const ReadRows read = read_rows(options, rows_only(storage), reading);
    describe(read, result);
    const auto start = std::chrono::steady_clock::now();
    write_table(*read.rows, folder, writing);
    result.write_seconds = seconds_since(start);
    return result;
  }
  check_checkpoint(options, checkpoint, folder);
  Conversion result;
  Resumable resumable(checkpoint, identity_of(options), result.warnings);
  try {
    convert_resumably(options, storage, folder, reading, writing, resumable, result);
  } catch (...) {
    if (cut != nullptr) {
      cut->warnings = std::move(result.warnings);
      if (!resumable.checkpoints().has_state()) {
        cut->unsaved = resumable.checkpoints().problem();
      }
    }
    throw;
  }
  return result;
}

}  // namespace steepest
