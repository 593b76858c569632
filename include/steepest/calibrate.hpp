// SPDX-License-Identifier: Apache-2.0
// Temperature calibration: the T > 0 under which softmax(z / T) has the smallest negative
// log-likelihood, what it does to the metrics, and how sure it is (Guo, Pleiss, Sun, Weinberger
// 2017, "On Calibration of Modern Neural Networks").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/device.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/read.hpp"

namespace steepest {

/// How the search for T ended. With c the mean gap between a row's largest logit and its label's,
/// and gbar the mean gap over all classes, an optimum is finite exactly when 0 < c < gbar.
enum class CalibrationStatus {
  solved,
  zero,          ///< c = 0: every label has its row's largest logit, and the NLL falls to T = 0
  infinite,      ///< c >= gbar: labels score no better than classes at random: NLL falls for ever
  undetermined,  ///< every row is constant: all T are equally good, and T = 1 is kept
};

/// "solved", "zero", "infinite" or "undetermined".
[[nodiscard]] std::string_view name(CalibrationStatus status);

/// Rows whose confidence lies in (lower, upper]; the first bin holds 0, the last one 1.
struct ReliabilityBin {
  double lower = 0.0;
  double upper = 0.0;
  std::int64_t count = 0;
  double confidence = 0.0;  ///< mean; 0 when empty
  double accuracy = 0.0;    ///< share of rows whose top class is the label; 0 when empty
};

/// Confidence is a row's largest probability, the first class of that probability its prediction.
/// Binned errors are above 0 in expectation even for perfect calibration: more so with fewer rows.
struct CalibrationMetrics {
  double nll = 0.0;                  ///< mean -log p(label), natural logarithm
  double accuracy = 0.0;             ///< share in [0, 1]
  double ece = 0.0;                  ///< sum over 15 equal bins of share * |accuracy - confidence|
  double ece_equal_mass = 0.0;       ///< the same over bins between the 15-quantiles of confidence
  double mce = 0.0;                  ///< largest |accuracy - confidence| among the equal bins
  double rmsce = 0.0;                ///< square root of sum of share * (accuracy - confidence)^2
  double brier = 0.0;                ///< mean of the sum over classes of (p - [label])^2
  double confidence = 0.0;           ///< mean
  double entropy = 0.0;              ///< mean -sum p log p
  std::vector<ReliabilityBin> bins;  ///< 15 of equal width
  std::vector<ReliabilityBin> equal_mass_bins;  ///< 15 of as equal counts as ties allow
};

struct CalibrationOptions {
  /// Label smoothing A in [0, 1): the label counts 1 - A, every class of the row A / K, in the
  /// objective that T minimises. Metrics are those of the labels themselves.
  double smoothing = 0.0;
  LogitInput input = LogitInput::logits;  ///< what the rows were made of, for warnings
  BadRowPolicy bad_rows = BadRowPolicy::error;
  RowStorage storage;  ///< logits that fit its memory are loaded; others are read once, in blocks
  int threads = 0;     ///< 0: every processor. The result is the same.

  /// Where sums over classes are taken; automatic is the CPU. A device that cannot be used is a
  /// DeviceError, never another device.
  DeviceChoice device;
  std::int64_t bootstrap = 0;  ///< replicates for intervals of T and of the ECE; 0: none
  std::uint64_t seed = 0;      ///< of the replicates
  int curve_points = 0;        ///< of the NLL against T, from T / 4 to 4 T and across 1; 0: none

  /// Share in [0, 1) of the rows, chosen by the seed, that calibrate_temperature() also judges T
  /// on: T of the other rows, for T itself is of all of them. 0: none.
  double valid_fraction = 0.0;
};

/// What 95 % of the replicates of a bootstrap lie between.
struct BootstrapInterval {
  double lower = 0.0;
  double upper = 0.0;
};

/// The rows' weights in a replicate are independent Poisson variables of mean 1 (Chamandy,
/// Muralidharan, Najmi, Naidu 2012, "Estimating Uncertainty for Massive Data Streams"). Ends are
/// the 2.5 % and 97.5 % quantiles over replicates.
struct Bootstrap {
  std::int64_t replicates = 0;
  /// Of T; an end is 0 or infinite where more than 2.5 % of the replicates have their T outside of
  /// the window that rows were sketched for, six standard errors to each side.
  BootstrapInterval temperature;
  BootstrapInterval ece_before;  ///< at T = 1
  BootstrapInterval ece_after;   ///< every replicate at its own T
};

/// Rows that a T of the other rows was judged on.
struct HeldOutMetrics {
  std::int64_t rows = 0;
  double temperature = 1.0;  ///< of the other rows
  CalibrationMetrics before;
  CalibrationMetrics after;  ///< at that T
};

/// A point of the curve that T is the lowest point of.
struct NllPoint {
  double temperature = 1.0;
  double nll = 0.0;  ///< mean, of the labels as they are
};

/// What calibration found. Nothing here is ever NaN.
struct Calibration {
  CalibrationStatus status = CalibrationStatus::undetermined;
  double temperature = 1.0;  ///< 0 for status zero, infinite for status infinite
  double beta = 1.0;         ///< 1 / T
  /// Of log T, from the spread of the rows' scores (Huber's sandwich); infinite unless solved, and
  /// where there is no spread to tell it from: of one row, or of rows that are all alike.
  double log_temperature_standard_error = 0.0;
  double residual = 0.0;       ///< D(beta) - c, what is left of the derivative of the NLL
  double interpolation = 0.0;  ///< estimate of the error of log T from interpolating between sums
  double label_gap = 0.0;      ///< c, smoothed as asked for
  double uniform_gap = 0.0;    ///< gbar
  std::int64_t reads = 0;      ///< of the logits, from the file
  std::int64_t passes = 0;     ///< over all rows, in memory or while reading
  std::int64_t rows = 0;       ///< that count
  std::int64_t rows_skipped = 0;  ///< bad ones
  std::int64_t classes = 0;
  std::int64_t masked = 0;    ///< logits of -inf: classes left out of their row
  bool certified = false;     ///< whether exact sums at both sides of T bracket the optimum
  double load_seconds = 0.0;  ///< reading the logits into memory; 0 when they are streamed
  CalibrationMetrics before;  ///< at T = 1
  std::optional<CalibrationMetrics> after;  ///< none for zero and infinite
  std::optional<Bootstrap> bootstrap;       ///< where asked for, solved, and of 2 rows or more
  std::optional<HeldOutMetrics> held_out;   ///< where asked for, and both sides have an answer
  std::vector<NllPoint> curve;              ///< where asked for, ascending in T
  DeviceInfo device;                        ///< that took the sums
  std::vector<std::string> warnings;        ///< one sentence each

  /// Whether the standard error is known.
  [[nodiscard]] bool has_interval() const;

  /// Ends of the 95 % interval of T, exp(log T -+ 1.96 standard errors), where it is known.
  [[nodiscard]] double lower_temperature() const;
  [[nodiscard]] double upper_temperature() const;
};

/// Finds T by Newton's method on the logit of the mean gap, in log(1 / T), with the bracket kept;
/// where the logits are not in memory, from one read at several temperatures around the answer of
/// every 64th block, whose sums' logit is interpolated with its derivative (Hermite) and certified
/// by the signs at the ends. A second read follows only when they do not bracket, or when the
/// sample was too small to say where to look.
///
/// Deterministic: the same bits for any number of threads on one kind of processor. Logits held as
/// float64, and any of up to 2^22 values in memory, are computed with in double, others in float
/// with sums in double. Memory: the logits where they are loaded, otherwise fixed buffers.
/// Throws InputError for a row with NaN, +inf, a logit beyond 1e30, a label outside [0, K) or one
/// whose logit is -inf, naming the first such row (unless bad rows are skipped), and when no row is
/// left; OptionError for a smoothing out of range. `progress` may throw to give up.
[[nodiscard]] Calibration calibrate_temperature(const LogitRows& rows,
                                                const CalibrationOptions& options,
                                                const ReadProgress& progress = {});

/// What rows say as they are.
struct ScoreMeasurement {
  CalibrationMetrics metrics;
  std::optional<BootstrapInterval> ece;  ///< where a bootstrap was asked for, of 2 rows or more
  std::int64_t reads = 0;                ///< of the logits, from the file
  std::int64_t rows = 0;                 ///< that count
  std::int64_t rows_skipped = 0;         ///< bad ones
  std::int64_t masked = 0;               ///< logits of -inf
  DeviceInfo device;                     ///< that took the sums
  std::vector<std::string> warnings;     ///< of skipped and masked ones, and of what they were
};

/// The metrics of rows in one read, and with options.bootstrap the interval of their ECE: the same
/// replicates as calibrate_temperature() draws. Throws as it does.
[[nodiscard]] ScoreMeasurement measure_scores(const LogitRows& rows,
                                              const CalibrationOptions& options,
                                              const ReadProgress& progress = {});

enum class CalibratedOutput { probabilities, logits };

/// Writes softmax(z / T), or z / T, of every row as a .npy file: (rows, K), C order, float32 or,
/// where the logits are float64, float64. One more read, in fixed buffers. Masked classes get
/// probability 0. The file appears whole or not at all. Throws InputError for a bad row.
void write_calibrated(const LogitRows& rows, double beta, CalibratedOutput output,
                      const std::string& path, int threads, const ReadProgress& progress = {});

/// Writes the calibration as JSON: format "steepest-calibration". Throws InputError.
void save_calibration(const Calibration& calibration, const std::string& path);

/// Writes every bin as a line of CSV: when (before, after), kind (equal_width, equal_mass), bin,
/// lower, upper, count, confidence, accuracy; the last two are empty in an empty bin. Throws
/// InputError.
void save_bins(const Calibration& calibration, const std::string& path);

}  // namespace steepest
