// SPDX-License-Identifier: Apache-2.0
// Where a pass on the CPU gets its rows from: memory, or a source read through fixed buffers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/packed_rows.hpp"
#include "kernels/row_selection.hpp"
#include "kernels/standardize.hpp"
#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// Rows as they are trained on, tile by tile.
class RowFeed {
 public:
  RowFeed() = default;
  RowFeed(const RowFeed&) = delete;
  RowFeed& operator=(const RowFeed&) = delete;
  virtual ~RowFeed() = default;

  [[nodiscard]] virtual std::int64_t rows() const = 0;
  [[nodiscard]] virtual std::int64_t features() const = 0;

  /// Target values a row: 0 where rows have labels.
  [[nodiscard]] virtual std::int64_t outputs() const = 0;

  /// Part of a selection: rows [begin, begin + count) of it, begin counting from its first. The
  /// same worker will ask for what follows, up to `end`.
  struct Request {
    const RowSelection* selection = nullptr;
    std::int64_t begin = 0;
    std::int64_t count = 0;
    std::int64_t end = 0;
    int worker = 0;
  };

  /// What goes with the rows of a tile, by the indexes that tile() gave: (.., C) targets, labels,
  /// weights; null where there are none. `following` is where the rows after these lie, if they
  /// are known to lie next to each other in memory.
  struct Targets {
    const double* values = nullptr;
    const std::int32_t* labels = nullptr;
    const double* weights = nullptr;
    const float* following = nullptr;
  };

  /// How features are held at the moment.
  [[nodiscard]] virtual Storage storage() const { return Storage::float32; }

  /// Says that many passes will follow: what is worth doing once may be done now.
  virtual void settle(ThreadPool& /*pool*/) {}

  /// Gets ready for a pass over `selection`, on all threads of `pool`.
  virtual void prepare(const RowSelection& /*selection*/, ThreadPool& /*pool*/) {}

  /// Where rows of a request that may come soon lie in memory, into pointers, `count` long: false
  /// where that is not known, or asking would cost as much as reading. Changes nothing that tile()
  /// gave.
  virtual bool peek(const Request& /*request*/, const float** /*pointers*/) { return false; }

  /// Puts into pointers[r] where row r of the request lies, with FeatureMatrix::tail floats
  /// readable behind it, and into indexes[r] its index into the targets returned. Both are `count`
  /// long. Safe from several threads with workers of their own; valid until the worker's next call.
  virtual Targets tile(const Request& request, std::int64_t* indexes, const float** pointers) = 0;
};

/// Rows held in memory, for `threads` workers: standardized tile by tile in each pass, until
/// settle() does it in place, or packs them. Keeps a reference to what it is given, and changes its
/// features, or takes them where it packs them.
class MemoryFeed final : public RowFeed {
 public:
  MemoryFeed(TrainingData& data, int threads);

  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t features() const override { return features_; }
  [[nodiscard]] std::int64_t outputs() const override;
  [[nodiscard]] Storage storage() const override;
  void settle(ThreadPool& pool) override;
  bool peek(const Request& request, const float** pointers) override;
  Targets tile(const Request& request, std::int64_t* indexes, const float** pointers) override;

 private:
  // Indexes of a request, kept for when it comes again.
  struct Chosen {
    RowSelection selection;
    std::int64_t begin = 0;
    std::vector<std::int64_t> indexes;

    [[nodiscard]] bool holds(const Request& request) const;
  };

  void ask_for_targets(const std::vector<std::int64_t>& indexes) const;

  // The request's rows, standardized, in the worker's own memory.
  const float* standardized_rows(const Request& request, const std::int64_t* indexes,
                                 std::int64_t pitch);

  TrainingData& data_;
  std::int64_t rows_;
  std::int64_t features_;
  ColumnScales scales_;
  PackedRows packed_;  // instead of data_.features, once settled
  bool settled_ = false;
  std::vector<AlignedVector<float>> tiles_;  // a worker's standardized rows
  std::vector<Chosen> peeked_;               // a worker's
};

/// Rows of a source, standardized as they are read. The same values as MemoryFeed has, to the bit.
///
/// In file order each worker reads blocks ahead of its tiles. In a shuffled order a window of rows
/// is filled by one sequential read of the whole source, so an epoch reads it once for each window
/// it takes; a batch larger than a window is gathered row by row.
class StreamedFeed final : public RowFeed {
 public:
  StreamedFeed(StreamedData data, int threads);
  ~StreamedFeed() override;

  [[nodiscard]] std::int64_t rows() const override { return data_.rows->rows(); }
  [[nodiscard]] std::int64_t features() const override { return data_.rows->feature_count(); }
  [[nodiscard]] std::int64_t outputs() const override;
  void prepare(const RowSelection& selection, ThreadPool& pool) override;
  Targets tile(const Request& request, std::int64_t* indexes, const float** pointers) override;

 private:
  struct Block;
  struct Worker;

  void read(std::int64_t first, std::int64_t count, Worker& worker) const;
  void fill_window(std::int64_t first, std::int64_t count, ThreadPool& pool);
  void gather(const Request& request, Worker& worker) const;
  [[nodiscard]] bool in_window(const RowSelection& selection) const;

  StreamedData data_;
  ColumnScales scales_;
  std::int64_t bytes_per_row_ = 0;
  std::int64_t block_rows_ = 0;
  std::int64_t window_rows_ = 0;  // most
  std::vector<Worker> workers_;
  std::unique_ptr<Block> window_;
  RowSelection windowed_;  // what the window holds
};

}  // namespace steepest::kernels
