// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/device_pass.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "kernels/tempered_sums_stream.hpp"
#include "src/calibrate/block_pass.hpp"
#include "src/calibrate/row_blocks.hpp"

namespace steepest::calibrate {
namespace {

using kernels::TemperedSumsStream;

// Blocks of a group: of few classes, their sums take more memory than the logits.
std::int64_t blocks_in_slot(std::int64_t block_rows, std::size_t nodes) {
  constexpr std::int64_t most_bytes = std::int64_t{64} << 20;
  const auto row_bytes =
      static_cast<std::int64_t>(sizeof(kernels::LogitRow) + nodes * sizeof(kernels::TemperedSums));
  return std::clamp<std::int64_t>(most_bytes / (block_rows * row_bytes), 1, blocks_at_once);
}

template <class T>
class DevicePass {
 public:
  DevicePass(const BlockReader& blocks, const PassPlan& plan, const std::vector<double>& betas,
             kernels::ThreadPool& pool, const ReadProgress& progress)
      : blocks_(blocks),
        rows_(blocks.rows()),
        plan_(plan),
        betas_(betas),
        pool_(pool),
        progress_(progress),
        size_(rows_.block_rows()),
        visits_((block_count(rows_) + plan.stride - 1) / plan.stride),
        at_once_(std::min(visits_, blocks_in_slot(size_, betas.size()))),
        buffers_(static_cast<std::size_t>(pool.threads())),
        records_(static_cast<std::size_t>(pool.threads())) {
    stream_ = kernels::make_cuda_tempered_sums<T>(
        plan.device_ordinal,
        {at_once_ * size_, rows_.classes(), betas.data(), static_cast<std::int64_t>(betas.size())});
    for (Group& group : groups_) {
      group.labels.resize(static_cast<std::size_t>(at_once_ * size_));
    }
  }

  PassSums run() {
    int slot = 0;
    for (std::int64_t done = 0; done < visits_; done += at_once_, slot = 1 - slot) {
      fill(slot, done);
      stream_->start(slot, groups_[static_cast<std::size_t>(slot)].rows);
      if (done > 0) {
        use(1 - slot);
      }
    }
    use(1 - slot);
    return std::move(total_);
  }

 private:
  // What is in a slot. Rows of its blocks lie side by side; only the last block may be short.
  struct Group {
    std::int64_t first_visit = 0;
    std::int64_t visits = 0;
    std::int64_t rows = 0;
    std::vector<std::int32_t> labels;
  };

  [[nodiscard]] std::int64_t first_row(std::int64_t visit) const {
    return visit * plan_.stride * size_;
  }
  [[nodiscard]] std::int64_t row_count(std::int64_t visit) const {
    return std::min(size_, rows_.rows() - first_row(visit));
  }

  void fill(int slot, std::int64_t first_visit) {
    Group& group = groups_[static_cast<std::size_t>(slot)];
    group.first_visit = first_visit;
    group.visits = std::min(at_once_, visits_ - first_visit);
    group.rows = (group.visits - 1) * size_ + row_count(first_visit + group.visits - 1);
    if (plan_.stride == 1) {
      blocks_.will_read(first_visit + group.visits, at_once_);
    }
    T* const to = stream_->slot(slot).logits;
    pool_.for_each(group.visits, [&](std::int64_t index, int worker) {
      const std::int64_t visit = first_visit + index;
      const LogitBlock block =
          blocks_.read(visit * plan_.stride, buffers_[static_cast<std::size_t>(worker)]);
      const std::int64_t count = row_count(visit);
      const std::int64_t at = index * size_;
      copy(block, count * rows_.classes(), to + at * rows_.classes());
      std::copy_n(block.labels, count, group.labels.begin() + at);
    });
  }

  static void copy(const LogitBlock& block, std::int64_t count, T* to) {
    if (block.doubles != nullptr) {
      std::transform(block.doubles, block.doubles + count, to,
                     [](double value) { return static_cast<T>(value); });
    } else {
      std::copy_n(block.floats, count, to);
    }
  }

  void use(int slot) {
    stream_->finish(slot);
    const Group& group = groups_[static_cast<std::size_t>(slot)];
    const auto results = stream_->slot(slot);
    const auto nodes = static_cast<std::int64_t>(betas_.size());
    std::vector<PassSums> sums(static_cast<std::size_t>(group.visits));
    pool_.for_each(group.visits, [&](std::int64_t index, int worker) {
      const std::int64_t first = first_row(group.first_visit + index);
      const std::int64_t count = row_count(group.first_visit + index);
      const std::int64_t at = index * size_;
      float* const records =
          plan_.sketch == nullptr
              ? nullptr
              : plan_.sketch->place(first, count, records_[static_cast<std::size_t>(worker)]);
      BlockPass pass(rows_.classes(), plan_, betas_, sums[static_cast<std::size_t>(index)]);
      const kernels::LogitTile<T> tile{results.logits + at * rows_.classes(), count,
                                       rows_.classes()};
      pass.add(tile, group.labels.data() + at, first, results.looks + at, results.sums + at * nodes,
               records);
      pass.finish();
      if (plan_.sketch != nullptr) {
        plan_.sketch->write(first, count, records);
      }
    });
    for (const PassSums& sum : sums) {
      total_.merge(sum);
    }
    tell(progress_, rows_, std::min(first_row(group.first_visit + group.visits), rows_.rows()));
  }

  const BlockReader& blocks_;
  const LogitRows& rows_;
  const PassPlan& plan_;
  const std::vector<double>& betas_;
  kernels::ThreadPool& pool_;
  const ReadProgress& progress_;
  std::int64_t size_;
  std::int64_t visits_;
  std::int64_t at_once_;
  std::vector<LogitBuffer> buffers_;
  std::vector<std::vector<float>> records_;
  std::array<Group, TemperedSumsStream<T>::slots> groups_;
  std::unique_ptr<TemperedSumsStream<T>> stream_;
  PassSums total_;
};

}  // namespace

PassSums run_device_pass(const BlockReader& blocks, const PassPlan& plan,
                         const std::vector<double>& betas, kernels::ThreadPool& pool,
                         const ReadProgress& progress) {
  return blocks.rows().holds_doubles()
             ? DevicePass<double>(blocks, plan, betas, pool, progress).run()
             : DevicePass<float>(blocks, plan, betas, pool, progress).run();
}

}  // namespace steepest::calibrate
