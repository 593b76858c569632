// SPDX-License-Identifier: Apache-2.0
// libFuzzer: checkpoints of fits and sweeps, made anew at the start, changed by the input, given a
// checksum that is right, and gone on from. Byte 0 says of which run, byte 1 what is done:
// 0: the rest is the file. 1: the rest is the state. 2: the rest edits the state. 3: it edits all
// behind the checksum. An edit is 11 bytes: what, where (16 bits), and 8 bytes.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/state_archive.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/sweep.hpp"
#include "tests/fuzz/input_file.hpp"

namespace {

using namespace steepest;
using namespace steepest::fuzz;
using kernels::StateArchive;

constexpr std::string_view magic = "steepest checkpoint 4\n";
constexpr int runs = 7;
constexpr int quantile_run = 5;
constexpr int path_run = 6;

Dataset small_data(bool classes = true) {
  constexpr std::int64_t rows = 24;
  constexpr std::int64_t features = 3;
  Dataset data;
  data.features = FeatureMatrix(rows, features);
  std::uint32_t random = 1;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < features; ++j) {
      random = random * 1664525U + 1013904223U;
      data.features.row(i)[j] = static_cast<float>(random >> 16U) / 65536.0F;
    }
    if (classes) {
      data.labels.push_back(static_cast<std::int32_t>(i % 3));
    } else {
      data.targets.push_back(static_cast<double>(i * i % 17));
    }
  }
  for (const char* const name : {"a", "b", "c"}) {
    FeatureColumn column;
    column.name = name;
    data.schema.columns.push_back(column);
  }
  data.schema.target_names = {"y"};
  if (classes) {
    data.schema.classes = {"u", "v", "w"};
  }
  return data;
}

FitOptions fit_options(int run, bool resume) {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.threads = 1;
  options.epochs = 6;
  options.tolerance_gradient = 1e-14;
  options.precondition = false;
  if (run == 0) {
    options.rule = parse_rule("accelerated");
    options.tolerance_gap = 1e-12;
  } else if (run == 1) {
    options.rule = parse_rule("lbfgs:3");
  } else if (run == quantile_run || run == path_run) {
    options.precondition.reset();
    options.epochs = 0;
    if (run == quantile_run) {
      options.loss = QuantileLoss{0.3};
    } else {
      options.l2_path = {1e-3, 1e-1};
      options.folds = 3;
    }
  } else {
    options.rule = parse_rule("adam");
    options.schedule = parse_schedule("plateau:patience=1");
    options.batch_size = 8;
  }
  options.checkpoint.folder = (own_folder() / "state").string();
  options.checkpoint.every_steps = resume ? 1'000'000 : 1;
  options.checkpoint.resume = resume;
  return options;
}

// Runs to the end, or, when it is to be gone on from, for a few steps.
void go(int run, bool resume) {
  if (run < 3 || run >= quantile_run) {
    std::int64_t last = -1;
    int still = 0;  // reports without a step: a quantile fit is within a program then
    const FitCallback some = [&](const FitProgress& now) {
      still = now.step == last ? still + 1 : 0;
      last = now.step;
      return run == quantile_run ? still < 3 : now.step < 4;
    };
    static_cast<void>(fit(small_data(run != quantile_run), fit_options(run, resume),
                          resume ? FitCallback() : some));
    return;
  }
  SweepOptions options;
  options.problem = fit_options(0, resume);
  options.problem.rule.reset();
  options.problem.tolerance_gap = 0.0;
  options.problem.tolerance_gradient.reset();
  options.problem.precondition.reset();
  options.problem.epochs = 0;
  options.schedules = parse_schedule_list("constant,adaptive");
  options.learning_rates = {{0.5, true}, {2.0, true}};
  options.batch_sizes = {run == 3 ? 0 : 8};
  options.rules = {parse_rule("gradient"), parse_rule("momentum")};
  options.seeds = {0};
  options.epochs = 6;
  const SweepCallback some = [](const SweepProgress& now) { return now.fraction < 0.4; };
  static_cast<void>(
      sweep(std::make_shared<DatasetRows>(small_data()), options, resume ? SweepCallback() : some));
}

// What is in a file, behind the checksum.
struct Content {
  std::string version;
  std::string kind;
  std::vector<std::pair<std::string, std::string>> options;
  std::string data;
  bool ended = false;
  std::string state;

  void exchange(StateArchive& archive) {
    archive.exchange(version);
    archive.exchange(kind);
    archive.exchange_all(options, [](StateArchive& part, auto& option) {
      part.exchange(option.first);
      part.exchange(option.second);
    });
    archive.exchange(data);
    archive.exchange(ended);
    archive.exchange(state);
  }
};

Content made_by(int run) {
  std::filesystem::remove_all(own_folder() / "state");
  go(run, false);
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(own_folder() / "state")) {
    newest = std::max(newest, entry.path().string());
  }
  std::ifstream file(newest, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  require(bytes.starts_with(magic), "a checkpoint begins so");
  StateArchive head =
      StateArchive::reading(std::string_view(bytes).substr(magic.size()), "made here");
  std::int64_t sum = 0;
  std::string body;
  head.exchange(sum);
  head.exchange(body);
  Content content;
  StateArchive archive = StateArchive::reading(body, "made here");
  content.exchange(archive);
  archive.expect_end();
  return content;
}

std::string with_checksum(std::string body) {
  std::int64_t sum = static_cast<std::int64_t>(crc32(crc32(0L, Z_NULL, 0),
                                                     reinterpret_cast<const Bytef*>(body.data()),
                                                     static_cast<uInt>(body.size())));
  StateArchive whole = StateArchive::writing();
  whole.exchange(sum);
  whole.exchange(body);
  return std::string(magic) + whole.written();
}

std::string edited(std::string text, std::string_view edits) {
  constexpr std::size_t value_bytes = 8;
  constexpr std::size_t edit_bytes = 3 + value_bytes;
  for (; edits.size() >= edit_bytes && !text.empty(); edits.remove_prefix(edit_bytes)) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(edits[i]); };
    const std::size_t at = (byte(1) + 256U * byte(2)) % text.size();
    const std::string_view value = edits.substr(3, value_bytes);
    switch (byte(0) % 4) {
      case 0:
      case 1:
        text.replace(at, std::min(value_bytes, text.size() - at), value);
        break;
      case 2:
        text.insert(at, value);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

std::string file_of(const Content& base, unsigned how, std::string_view rest) {
  Content content = base;
  if (how == 0) {
    return std::string(rest);
  }
  if (how == 1) {
    content.state = rest;
  } else if (how == 2) {
    content.state = edited(base.state, rest);
  }
  StateArchive body = StateArchive::writing();
  content.exchange(body);
  return with_checksum(how == 3 ? edited(body.written(), rest) : body.written());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Content, runs> bases = [] {
    std::array<Content, runs> made;
    for (int run = 0; run < runs; ++run) {
      made[static_cast<std::size_t>(run)] = made_by(run);
    }
    return made;
  }();
  if (size < 2) {
    return 0;
  }
  const int run = data[0] % runs;
  std::filesystem::remove_all(own_folder() / "state");
  std::filesystem::create_directory(own_folder() / "state");
  write_input("state/checkpoint-000001.state", file_of(bases[static_cast<std::size_t>(run)],
                                                       data[1] % 4U, bytes_of(data + 2, size - 2)));
  try {
    go(run, true);
  } catch (const InputError&) {
    // A sentence is a good end.
  }
  return 0;
}
