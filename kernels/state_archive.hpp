// SPDX-License-Identifier: Apache-2.0
// The state of a run as bytes, and back: each state names its fields once, for both directions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kernels/bank.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// Writes what it is given, or reads into it: exchange(x) does one or the other.
///
/// Bytes are little-endian and mean something to the version that wrote them only. Reading trusts
/// nothing: it throws InputError where bytes are missing, a size differs from what was prepared for
/// it, or a value is out of its range, and allocates no more than the bytes at hand account for.
class StateArchive {
 public:
  /// Collects bytes.
  static StateArchive writing() { return StateArchive(false, {}); }

  /// Reads `bytes`, which must outlive the archive; `source` names them in messages.
  static StateArchive reading(std::string_view bytes, std::string source);

  [[nodiscard]] bool is_reading() const { return is_reading_; }
  [[nodiscard]] const std::string& written() const { return written_; }

  void exchange(double& value) { plain(value); }
  void exchange(std::int64_t& value) { plain(value); }
  void exchange(std::int32_t& value) { plain(value); }
  void exchange(bool& value);
  void exchange(std::string& text);

  /// An enumerator in [0, last].
  template <class Enum>
  requires std::is_enum_v<Enum>
  void exchange(Enum& value, Enum last) {
    auto number = static_cast<std::int64_t>(value);
    exchange_in(number, 0, static_cast<std::int64_t>(last));
    value = static_cast<Enum>(number);
  }

  /// An integer in [low, high].
  void exchange_in(std::int64_t& value, std::int64_t low, std::int64_t high);

  /// `count` numbers.
  void exchange(double* values, std::int64_t count);

  /// As many numbers as the vector holds when it is read.
  template <class Allocator>
  void exchange(std::vector<double, Allocator>& values) {
    std::int64_t count = static_cast<std::int64_t>(values.size());
    exchange_in(count, count, count);
    exchange(values.data(), count);
  }

  /// Any number of elements, each by `each(archive, element)` and of one byte at least.
  template <class T, class Each>
  void exchange_all(std::vector<T>& elements, Each each) {
    auto count = static_cast<std::int64_t>(elements.size());
    exchange_in(count, 0, is_reading_ ? bytes_behind_count() : count);
    if (is_reading_) {
      elements.clear();
    }
    for (std::int64_t i = 0; i < count; ++i) {
      if (is_reading_) {
        elements.emplace_back();
      }
      each(*this, elements[static_cast<std::size_t>(i)]);
    }
  }

  /// Throws InputError unless everything was read.
  void expect_end() const;

  [[noreturn]] void fail(std::string_view what) const;

 private:
  StateArchive(bool is_reading, std::string_view bytes) : is_reading_(is_reading), unread_(bytes) {}

  template <class T>
  void plain(T& value) {
    raw(&value, sizeof value);
  }

  void raw(void* value, std::size_t size);

  // What is left once a count has been read, which is next.
  [[nodiscard]] std::int64_t bytes_behind_count() const {
    constexpr auto count_bytes = static_cast<std::int64_t>(sizeof(std::int64_t));
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(unread_.size()) - count_bytes);
  }

  bool is_reading_;
  std::string_view unread_;
  std::string source_;
  std::string written_;
};

void exchange_state(StateArchive& archive, Evaluation& at);
void exchange_state(StateArchive& archive, StoppingState& stopping);
void exchange_state(StateArchive& archive, ScheduleState& state);
void exchange_state(StateArchive& archive, ModelState& state);

/// All that steps change in a bank. Read into a bank that was started by the same plan.
void exchange_state(StateArchive& archive, BankState& bank);

}  // namespace steepest::kernels
