// SPDX-License-Identifier: Apache-2.0
// Logits read into memory once, to be gone over several times.
#pragma once

#include <memory>

#include "kernels/aligned_vector.hpp"
#include "kernels/thread_pool.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/read.hpp"

namespace steepest::calibrate {

/// Memory for values that are all about to be written: lines are not cleared first.
template <class T>
class RawLines {
 public:
  RawLines() = default;
  explicit RawLines(std::int64_t count)
      : values_(kernels::LineAllocator<T>().allocate(static_cast<std::size_t>(count)),
                Release{static_cast<std::size_t>(count)}) {}
  [[nodiscard]] T* data() const { return values_.get(); }

 private:
  struct Release {
    void operator()(T* values) const { kernels::LineAllocator<T>().deallocate(values, count); }

    std::size_t count = 0;
  };
  std::unique_ptr<T[], Release> values_;
};

class LoadedLogits final : public LogitRows {
 public:
  /// Reads all rows of `from`, side by side; as doubles where asked for.
  LoadedLogits(const LogitRows& from, bool as_doubles, kernels::ThreadPool& pool,
               const ReadProgress& progress);

  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t classes() const override { return classes_; }
  [[nodiscard]] bool holds_doubles() const override { return doubles_.data() != nullptr; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] bool is_file() const override { return false; }
  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override;

 private:
  void copy(const LogitBlock& block, std::int64_t first, std::int64_t count);

  std::int64_t rows_;
  std::int64_t classes_;
  std::string name_;
  RawLines<float> floats_;
  RawLines<double> doubles_;
  RawLines<std::int32_t> labels_;
};

}  // namespace steepest::calibrate
