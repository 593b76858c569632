// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is not a run's own, or damaged, is never taken for one; and what a folder of
// them is for.
#include "steepest/checkpoint.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "tests/named_data.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using train::CheckpointFolder;

Dataset small_data() { return named_random_data({700, 6, 3}, true, 5); }

// Stops at the first progress at or after `step`.
FitCallback stop_at(std::int64_t step) {
  return [step](const FitProgress& now) { return now.step < step; };
}

class CheckpointRefusals : public testing::Test {
 protected:
  CheckpointRefusals() {
    options_.epochs = 12;
    options_.batch_size = 100;
    options_.device.kind = DeviceChoice::Kind::cpu;
    options_.checkpoint.folder = folder_.path("state");
    options_.checkpoint.every_steps = 1;
    static_cast<void>(fit(small_data(), options_, stop_at(9)));
    options_.checkpoint.resume = true;
  }

  [[nodiscard]] std::string newest() const {
    std::string name;
    for (const auto& entry : std::filesystem::directory_iterator(options_.checkpoint.folder)) {
      name = std::max(name, entry.path().string());
    }
    return name;
  }

  static void damage(const std::string& path) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-9, std::ios::end);
    file.put('\x5a');
  }

  TemporaryFolder folder_;
  FitOptions options_;
};

TEST_F(CheckpointRefusals, KeepsTheLastTwo) {
  const auto entries = std::filesystem::directory_iterator(options_.checkpoint.folder);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 2);
}

TEST_F(CheckpointRefusals, GoesOnFromTheOneBeforeADamagedOne) {
  damage(newest());
  const FitResult resumed = fit(small_data(), options_);
  ASSERT_FALSE(resumed.warnings.empty());
  EXPECT_NE(resumed.warnings.front().find("checksum"), std::string::npos);
  options_.checkpoint = {};
  EXPECT_EQ(resumed.model.coefficients, fit(small_data(), options_).model.coefficients);
}

TEST_F(CheckpointRefusals, ADamagedOneIsNoneOfTheTwoKept) {
  const std::string damaged = newest();
  damage(damaged);
  options_.epochs = 12;
  const FitResult resumed = fit(small_data(), options_, stop_at(10));
  EXPECT_FALSE(std::filesystem::exists(damaged));
  damage(newest());  // so that the one before is needed again
  const FitResult again = fit(small_data(), options_);
  EXPECT_NE(again.resumed_from, "");
  options_.checkpoint = {};
  EXPECT_EQ(again.model.coefficients, fit(small_data(), options_).model.coefficients);
}

TEST_F(CheckpointRefusals, DoesNotPassOverANewerFormat) {
  std::fstream file(newest(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(20);  // "steepest checkpoint 4"
  file.put('9');
  file.close();
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(small_data(), options_)); });
  EXPECT_NE(sentence.find("has checkpoint format 9"), std::string::npos) << sentence;
}

TEST_F(CheckpointRefusals, SaysWhenAllAreDamaged) {
  for (const auto& entry : std::filesystem::directory_iterator(options_.checkpoint.folder)) {
    std::filesystem::resize_file(entry.path(), 100);
  }
  EXPECT_NE(thrown_message<InputError>([&] {
              static_cast<void>(fit(small_data(), options_));
            }).find("no other"),
            std::string::npos);
}

TEST_F(CheckpointRefusals, NamesTheOptionThatDiffers) {
  options_.l2 = 0.5;
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(small_data(), options_)); });
  EXPECT_NE(sentence.find("and now it is 0.5: go on with the options"), std::string::npos)
      << sentence;
}

TEST_F(CheckpointRefusals, KnowsOtherData) {
  Dataset other = small_data();
  std::swap(other.labels[0], other.labels[1]);
  if (other.labels[0] == other.labels[1]) {
    other.labels[0] = (other.labels[0] + 1) % 3;
  }
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(std::move(other), options_)); });
  EXPECT_NE(sentence.find("other data"), std::string::npos) << sentence;
}

// A default may follow from the data: they are named beside it.
TEST_F(CheckpointRefusals, NamesOtherDataBesideAnOption) {
  options_.l2 = 0.5;
  const std::string sentence = thrown_message<InputError>([&] {
    static_cast<void>(fit(named_random_data({699, 6, 3}, true, 5), options_));
  });
  EXPECT_NE(sentence.find("now it is 0.5, and the data are others"), std::string::npos) << sentence;
}

// Before the horizon of the schedule, which follows from them.
TEST_F(CheckpointRefusals, NamesTheEpochs) {
  options_.epochs = 13;
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(small_data(), options_)); });
  EXPECT_NE(sentence.find("the run had --epochs 12, and now it is 13"), std::string::npos)
      << sentence;
}

TEST_F(CheckpointRefusals, DoesNotOverwriteARunThatHasNotEnded) {
  options_.checkpoint.resume = false;
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(small_data(), options_)); });
  EXPECT_NE(sentence.find("--resume"), std::string::npos) << sentence;
}

TEST_F(CheckpointRefusals, OneRunAFolder) {
  const CheckpointFolder other(options_.checkpoint);
  const std::string sentence =
      thrown_message<InputError>([&] { static_cast<void>(fit(small_data(), options_)); });
  EXPECT_NE(sentence.find("another run"), std::string::npos) << sentence;
}

TEST_F(CheckpointRefusals, ReplacesARunThatHasEnded) {
  const FitResult ended = fit(small_data(), options_);
  options_.checkpoint.resume = false;
  options_.seed = 3;
  const FitResult next = fit(small_data(), options_);
  EXPECT_NE(next.model.coefficients, ended.model.coefficients);
  EXPECT_EQ(next.resumed_from, "");
}

TEST_F(CheckpointRefusals, SaysWhetherThereIsAStateToGoOnFrom) {
  options_.checkpoint.folder = folder_.path("other");
  options_.checkpoint.every_steps = 1'000'000;
  EXPECT_TRUE(fit(small_data(), options_, stop_at(3)).resumable);  // saved when it was stopped
  options_.checkpoint.folder = "";
  options_.checkpoint.resume = false;
  EXPECT_FALSE(fit(small_data(), options_, stop_at(3)).resumable);
}

// The end of a run that diverged is its end: nothing asks for --resume, which would only get there
// again.
TEST_F(CheckpointRefusals, ADivergedRunHasEnded) {
  options_.checkpoint.folder = folder_.path("diverged");
  options_.checkpoint.resume = false;
  options_.learning_rate = 1e6;
  options_.l2 = 1.0;
  const FitResult diverged = fit(small_data(), options_);
  ASSERT_EQ(diverged.termination.reason, Reason::diverged);
  options_.checkpoint.resume = true;
  const FitResult again = fit(small_data(), options_);
  EXPECT_EQ(again.termination.reason, Reason::diverged);
  EXPECT_EQ(again.steps, diverged.steps);
  options_.checkpoint.resume = false;
  options_.learning_rate.reset();
  EXPECT_NE(fit(small_data(), options_).termination.reason, Reason::diverged);
}

// A budget of time is that of a start: the same command, again and again, gets to the end.
TEST_F(CheckpointRefusals, ABudgetOfTimeIsThatOfAStart) {
  options_.checkpoint.folder = folder_.path("slow");
  options_.epochs = 40;
  options_.max_seconds = 0.05;
  const auto slowly = [](const FitProgress& /*now*/) {
    std::this_thread::sleep_for(std::chrono::milliseconds(6));
    return true;
  };
  int starts = 1;
  FitResult result = fit(small_data(), options_, slowly);
  for (; result.termination.reason == Reason::seconds && starts < 500; ++starts) {
    EXPECT_TRUE(result.resumable);
    result = fit(small_data(), options_, slowly);
  }
  EXPECT_GT(starts, 2);
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  options_.checkpoint = {};
  options_.max_seconds = 0.0;
  EXPECT_EQ(result.model.coefficients, fit(small_data(), options_).model.coefficients);
}

TEST(CheckpointInterval, IsSecondsOrSteps) {
  CheckpointOptions options;
  parse_checkpoint_interval("250steps", options);
  EXPECT_EQ(options.every_steps, 250);
  parse_checkpoint_interval("1.5s", options);
  EXPECT_EQ(options.every_steps, 0);
  EXPECT_DOUBLE_EQ(options.every_seconds, 1.5);
  for (const char* const wrong : {"", "s", "steps", "0", "-1", "0steps", "1.5steps", "nan", "5m"}) {
    EXPECT_NE(thrown_message<OptionError>([&] { parse_checkpoint_interval(wrong, options); }), "")
        << wrong;
  }
}

// A text whose length counts bytes that are not there, by as little as the length's own.
TEST(StateArchive, ReadsNothingBeyondItsEnd) {
  for (std::int64_t length = 5; length <= 40; ++length) {
    kernels::StateArchive writer = kernels::StateArchive::writing();
    std::int64_t count = length;
    writer.exchange(count);
    const std::string bytes = writer.written() + "four";
    kernels::StateArchive archive = kernels::StateArchive::reading(bytes, "bad");
    std::string text;
    EXPECT_THROW(archive.exchange(text), InputError) << length;
  }
}

// Whatever the bytes, reading ends in a state or in a sentence.
TEST(StateArchive, SurvivesAnyBytes) {
  const auto state_of = [] {
    std::vector<kernels::ModelPlan> plans(2);
    plans[0].rule = parse_rule("lbfgs:3");
    return kernels::BankState::at_start({4, 1, 2}, plans, {}, {});
  };
  kernels::BankState bank = state_of();
  kernels::StateArchive writer = kernels::StateArchive::writing();
  exchange_state(writer, bank);
  const std::string good = writer.written();
  for (std::size_t size = 0; size < good.size(); ++size) {
    kernels::StateArchive cut =
        kernels::StateArchive::reading(std::string_view(good).substr(0, size), "cut");
    EXPECT_THROW(exchange_state(cut, bank), InputError);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ '\x81');
    kernels::BankState into = state_of();
    kernels::StateArchive reader = kernels::StateArchive::reading(bad, "bad");
    try {
      exchange_state(reader, into);
    } catch (const InputError&) {
      continue;
    }
    for (const kernels::ModelState& model : into.states) {
      EXPECT_TRUE(model.current == 0 || model.current == 1);
    }
  }
}

}  // namespace
}  // namespace steepest::tests
