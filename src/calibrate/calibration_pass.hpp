// SPDX-License-Identifier: Apache-2.0
// One pass over rows of logits at several inverse temperatures: every sum that the search for T,
// its standard error and the smooth metrics need, and a sketch of each row.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/row_sketch.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/read.hpp"

namespace steepest::calibrate {

/// Sums over rows at one inverse temperature beta, u = log beta. Slopes are derivatives by u.
struct NodeSums {
  double u = 0.0;
  double beta = 1.0;
  double log_total = 0.0;  ///< L = log sum e^(-beta g)
  double mean_gap = 0.0;   ///< M = E[beta g] under the row's softmax; dL/du = -M
  double variance = 0.0;   ///< V = Var[beta g]; dM/du = M - V
  double squares = 0.0;    ///< sum p^2
  double squares_slope = 0.0;
  double label = 0.0;  ///< p of the label
  double label_slope = 0.0;
  double score_square = 0.0;  ///< (M - beta c)^2, c the row's (smoothed) label gap
  double score_square_slope = 0.0;
  double block_score_square = 0.0;  ///< (sum of M - beta c over a block)^2, summed over blocks

  // Of the sums above, by derive().
  double log_total_slope = 0.0;
  double mean_gap_slope = 0.0;
  double entropy = 0.0;  ///< -sum p log p = L + M
  double entropy_slope = 0.0;

  void add(const NodeSums& other);
  void derive();
};

/// A row that cannot be used.
struct RowProblem {
  enum class Kind { none, not_a_number, infinite, too_large, label_range, label_masked };
  Kind kind = Kind::none;
  std::int64_t row = 0;
  std::int64_t column = 0;
  double value = 0.0;  ///< the logit, or the label

  /// One sentence without the row's number.
  [[nodiscard]] std::string text(std::int64_t classes, LogitInput input) const;
};

struct PassSums {
  std::int64_t rows = 0;         ///< that count
  std::int64_t right = 0;        ///< where the plan has a unit node
  std::int64_t masked = 0;       ///< logits of -inf in rows that count
  std::int64_t sums_to_one = 0;  ///< rows whose numbers sum to 1
  std::int64_t normalised = 0;   ///< rows whose exponentials do
  std::int64_t problems = 0;
  RowProblem first_problem;
  double label_gap = 0.0;    ///< c: sum of largest - z of the label
  double uniform_gap = 0.0;  ///< gbar: sum of the mean of largest - z over classes
  std::vector<NodeSums> nodes;

  void merge(const PassSums& other);
};

/// Where blocks come from: rows of a file, and those of its blocks that are held in memory.
class BlockReader {
 public:
  explicit BlockReader(const LogitRows& rows) : rows_(rows) {}

  /// Reads every `stride`-th block and holds it from now on.
  void hold(std::int64_t stride, kernels::ThreadPool& pool);

  [[nodiscard]] const LogitRows& rows() const { return rows_; }
  LogitBlock read(std::int64_t block, LogitBuffer& buffer) const;
  void will_read(std::int64_t first_block, std::int64_t blocks) const;

 private:
  const LogitRows& rows_;
  std::vector<LogitBuffer> buffers_;
  std::map<std::int64_t, LogitBlock> held_;
};

struct PassPlan {
  std::vector<double> u;  ///< nodes; where logits are float, beta is rounded to one
  double smoothing = 0.0;
  std::int64_t stride = 1;         ///< every stride-th block is visited
  const SketchMap* map = nullptr;  ///< of the first map->nodes nodes
  std::int64_t unit_node = 0;      ///< the node with beta = 1; -1: what the sketch says of it stays
  RowSketch* sketch = nullptr;     ///< filled where given
  int device_ordinal = -1;         ///< of the CUDA device that sums over classes; -1: the CPU
};

/// u for which beta is what the kernels will use.
[[nodiscard]] double usable_node(double u, bool doubles);

/// Sums are added block by block in the order of the blocks: the same bits for any number of
/// threads. Rows with problems are counted and left out.
[[nodiscard]] PassSums run_pass(const BlockReader& blocks, const PassPlan& plan,
                                kernels::ThreadPool& pool, const ReadProgress& progress);

}  // namespace steepest::calibrate
