// SPDX-License-Identifier: Apache-2.0
#include "src/train/checkpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kernels/state_archive.hpp"
#include "src/model/part_name.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {

void parse_checkpoint_interval(std::string_view text, CheckpointOptions& options) {
  constexpr std::string_view what = "--checkpoint-every";
  constexpr std::string_view steps = "steps";
  const std::string_view all = text;
  if (text.ends_with(steps)) {
    text.remove_suffix(steps.size());
    options.every_steps = parse_option_count(what, text);
    options.every_seconds = 0.0;
  } else {
    if (text.ends_with('s')) {
      text.remove_suffix(1);
    }
    options.every_seconds = parse_option_number(what, text);
    options.every_steps = 0;
  }
  if (options.every_steps == 0 && !(options.every_seconds > 0.0)) {
    throw OptionError(
        fmt::format("{} \"{}\": give seconds as in 30 or 30s, or steps as in 500steps", what, all));
  }
}

}  // namespace steepest

namespace steepest::train {
namespace {

namespace fs = std::filesystem;
using kernels::StateArchive;

constexpr std::string_view format = "steepest checkpoint ";
constexpr std::string_view magic = "steepest checkpoint 4\n";
constexpr std::string_view prefix = "checkpoint-";
constexpr std::string_view suffix = ".state";
constexpr std::size_t files_kept = 2;
constexpr std::int64_t most_files = 1'000'000'000'000;

// A file that is whole as far as can be told, and that this program cannot read: going on from an
// older one beside it would lose what its writer did.
class OtherFormat : public InputError {
 public:
  using InputError::InputError;
};

std::uint32_t checksum(std::string_view bytes) {
  uLong sum = crc32(0L, Z_NULL, 0);
  constexpr std::size_t most = std::size_t{1} << 30;
  for (std::size_t begin = 0; begin < bytes.size(); begin += most) {
    const std::string_view part = bytes.substr(begin, most);
    sum = crc32(sum, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
  }
  return static_cast<std::uint32_t>(sum);
}

std::optional<std::int64_t> number_of(const std::string& name) {
  if (name.size() <= prefix.size() + suffix.size() || name.rfind(prefix, 0) != 0 ||
      name.substr(name.size() - suffix.size()) != suffix) {
    return std::nullopt;
  }
  const char* const begin = name.data() + prefix.size();
  const char* const end = name.data() + name.size() - suffix.size();
  std::int64_t number = 0;
  const auto [stopped, error] = std::from_chars(begin, end, number);
  return error == std::errc() && stopped == end && number > 0 && number < most_files
             ? std::optional(number)
             : std::nullopt;
}

}  // namespace

void Digest::add_byte(std::uint64_t byte) {
  constexpr std::uint64_t prime = 0x100000001b3U;
  state_ = (state_ ^ byte) * prime;
}

void Digest::add(double value) {
  auto bits = std::bit_cast<std::uint64_t>(value);
  for (int byte = 0; byte < 8; ++byte, bits >>= 8U) {
    add_byte(bits & 0xFFU);
  }
}

void Digest::add(std::string_view text) {
  add(static_cast<double>(text.size()));
  for (const char c : text) {
    add_byte(static_cast<unsigned char>(c));
  }
}

void Digest::add(const std::vector<double>& values) {
  add(static_cast<double>(values.size()));
  for (const double value : values) {
    add(value);
  }
}

std::string Digest::text() const { return fmt::format("{:016x}", state_); }

// What a file holds.
struct CheckpointFolder::Found {
  std::string version;
  RunIdentity identity;
  bool ended = false;
  std::string state;

  void exchange(StateArchive& archive) {
    archive.exchange(version);
    archive.exchange(identity.kind);
    archive.exchange_all(identity.options, [](StateArchive& part, auto& option) {
      part.exchange(option.first);
      part.exchange(option.second);
    });
    archive.exchange(identity.data);
    archive.exchange(ended);
    archive.exchange(state);
  }
};

CheckpointFolder::CheckpointFolder(CheckpointOptions options) : options_(std::move(options)) {
  if (!is_used()) {
    return;
  }
  std::error_code error;
  fs::create_directory(options_.folder, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot be made a folder for checkpoints: {}", options_.folder,
                                 error.message()));
  }
  lock_ = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0 || ::access(options_.folder.c_str(), W_OK) != 0) {
    const int reason = errno;
    if (lock_ >= 0) {
      ::close(lock_);
    }
    throw InputError(fmt::format("{}: cannot be used as a folder for checkpoints: {}",
                                 options_.folder, std::strerror(reason)));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw InputError(
        fmt::format("{}: another run keeps its checkpoints here; give each run a folder of its own",
                    options_.folder));
  }
  remove_abandoned_parts_in(options_.folder,
                            [](const std::string& name) { return number_of(name).has_value(); });
}

CheckpointFolder::~CheckpointFolder() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

std::vector<std::pair<std::int64_t, std::string>> CheckpointFolder::files() const {
  std::vector<std::pair<std::int64_t, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator entry(options_.folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto number = number_of(entry->path().filename().string())) {
      found.emplace_back(*number, entry->path().string());
    }
  }
  if (error) {
    throw InputError(fmt::format("{}: cannot be read: {}", options_.folder, error.message()));
  }
  std::sort(found.rbegin(), found.rend());  // newest first
  return found;
}

CheckpointFolder::Found CheckpointFolder::read(const std::string& path) const {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file && !file.eof()) {
    throw InputError(fmt::format("{}: cannot be read", path));
  }
  const std::string_view whole = bytes;
  if (whole.substr(0, magic.size()) != magic) {
    const std::string_view line = whole.substr(0, whole.find('\n'));
    const std::string_view found = line.substr(std::min(format.size(), line.size()));
    constexpr std::size_t most_digits = 9;
    if (line.starts_with(format) && !found.empty() && found.size() <= most_digits &&
        found.find_first_not_of("0123456789") == std::string_view::npos) {
      throw OtherFormat(fmt::format(
          "{}: has checkpoint format {}, and this program, version {}, reads {}: go on "
          "in the version the run began in",
          path, found, version, magic.substr(format.size(), magic.size() - format.size() - 1)));
    }
    throw InputError(fmt::format("{}: damaged: it does not begin as a checkpoint does", path));
  }
  StateArchive head = StateArchive::reading(whole.substr(magic.size()), path);
  std::int64_t sum = 0;
  std::string body;
  head.exchange(sum);
  head.exchange(body);
  head.expect_end();
  if (sum != static_cast<std::int64_t>(checksum(body))) {
    throw InputError(fmt::format("{}: damaged: its checksum does not match", path));
  }
  Found found;
  StateArchive archive = StateArchive::reading(body, path);
  found.exchange(archive);
  archive.expect_end();
  return found;
}

// Same program, same kind, same options, same data; the first difference is named.
void CheckpointFolder::refuse_others(const std::string& path, const RunIdentity& found) const {
  if (found.kind != identity_.kind) {
    throw InputError(
        fmt::format("{}: the checkpoint of a {}, not of a {}", path, found.kind, identity_.kind));
  }
  const auto value_of = [](const RunIdentity& run, const std::string& name) {
    const auto at = std::find_if(run.options.begin(), run.options.end(),
                                 [&](const auto& option) { return option.first == name; });
    return at == run.options.end() ? std::string("nothing") : at->second;
  };
  const bool other_data = found.data != identity_.data;  // options left to choose follow from it
  for (const auto& [name, value] : identity_.options) {
    const std::string then = value_of(found, name);
    if (then != value) {
      throw InputError(fmt::format(
          "{}: the run had {} {}, and now it is {}{}: go on with the options{} it began with", path,
          name, then, value, other_data ? ", and the data are others" : "",
          other_data ? " and the rows" : ""));
    }
  }
  if (other_data) {
    throw InputError(fmt::format(
        "{}: the run had other data: go on with the rows, in the order, it began with", path));
  }
}

std::optional<std::string> CheckpointFolder::open(RunIdentity identity,
                                                  std::vector<std::string>& warnings) {
  identity_ = std::move(identity);
  if (!is_used()) {
    return std::nullopt;
  }
  const auto all = files();
  std::string damage;
  for (const auto& [number, path] : all) {
    next_number_ = std::max(next_number_, number + 1);
    Found found;
    try {
      found = read(path);
    } catch (const OtherFormat&) {
      throw;
    } catch (const InputError& error) {
      damage = error.what();
      damaged_.push_back(path);
      if (options_.resume) {
        warnings.push_back(fmt::format("{}; passed over", damage));
      }
      continue;
    }
    if (!options_.resume) {
      if (!found.ended) {
        throw InputError(
            fmt::format("{}: a run that has not ended left this checkpoint: go on from it with "
                        "--resume, or remove it",
                        path));
      }
      return std::nullopt;
    }
    if (found.version != version) {
      throw InputError(
          fmt::format("{}: written by version {}, and this is {}: a run goes on in "
                      "the version it began in",
                      path, found.version, version));
    }
    refuse_others(path, found.identity);
    resumed_from_ = path;
    has_state_ = true;
    return std::move(found.state);
  }
  if (!all.empty()) {
    throw InputError(
        fmt::format("{}; there is no other checkpoint in {} to go on from: remove "
                    "them to start anew",
                    damage, options_.folder));
  }
  return std::nullopt;
}

bool CheckpointFolder::is_due(std::int64_t step) const {
  if (!is_used()) {
    return false;
  }
  if (options_.every_steps > 0) {
    return step % options_.every_steps == 0;
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - saved_;
  return passed.count() >= options_.every_seconds;
}

std::int64_t CheckpointFolder::steps_to_next(std::int64_t step, std::int64_t most) const {
  return is_used() && options_.every_steps > 0
             ? std::min(most, options_.every_steps - step % options_.every_steps)
             : most;
}

void CheckpointFolder::save(bool ended, const std::string& state) {
  saved_ = std::chrono::steady_clock::now();
  try {
    write(ended, state);
  } catch (const InputError& error) {
    problem_ = error.what();
  }
}

void CheckpointFolder::clear() {
  std::error_code ignored;
  for (const auto& [number, path] : files()) {
    fs::remove(path, ignored);
  }
  has_state_ = false;
}

void CheckpointFolder::write(bool ended, const std::string& state) {
  Found what{version, identity_, ended, state};
  StateArchive body = StateArchive::writing();
  what.exchange(body);
  auto sum = static_cast<std::int64_t>(checksum(body.written()));
  std::string bytes = body.written();
  StateArchive whole = StateArchive::writing();
  whole.exchange(sum);
  whole.exchange(bytes);
  OutputFile file(fmt::format("{}/{}{:06}{}", options_.folder, prefix, next_number_, suffix));
  file.write(magic);
  file.write(whole.written());
  file.commit();
  ++next_number_;
  has_state_ = true;
  problem_.clear();
  std::error_code ignored;
  for (const std::string& path : std::exchange(damaged_, {})) {  // or it would be one of the two
    fs::remove(path, ignored);
  }
  const auto all = files();
  for (std::size_t i = files_kept; i < all.size(); ++i) {
    fs::remove(all[i].second, ignored);
  }
}

}  // namespace steepest::train
