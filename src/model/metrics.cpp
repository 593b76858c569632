// SPDX-License-Identifier: Apache-2.0
#include "steepest/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace steepest {

namespace {

// A prediction's loss where that is a metric of its own: the pinball loss, twice the half deviance.
double own_loss(const RowLoss& loss, double prediction, double target) {
  const RowTarget<double> with{&target, 0};
  if (const auto* const quantile = std::get_if<QuantileLoss>(&loss)) {
    return quantile->residual_in_place(&prediction, 1, with, 1.0);
  }
  if (std::holds_alternative<PoissonLoss>(loss)) {
    double score = std::log(prediction);
    return target < 0.0 ? std::numeric_limits<double>::quiet_NaN()
                        : 2.0 * PoissonLoss::residual_in_place(&score, 1, with, 1.0);
  }
  return 0.0;
}

}  // namespace

LinearMetricsSum::LinearMetricsSum(std::int64_t outputs, const RowLoss& loss,
                                   std::vector<PredictionBins> bins)
    : loss_(loss), outputs_(static_cast<std::size_t>(outputs)), bins_(std::move(bins)) {}

// A block's mean first, then what is summed around it: no division a row. The mean is summed around
// a target, so that the mean of equal targets is that target to the bit, and their spread 0.
void LinearMetricsSum::add(const double* predictions, const double* targets, const double* weights,
                           std::int64_t rows) {
  const auto columns = static_cast<std::int64_t>(outputs_.size());
  const auto weight_of = [weights](std::int64_t i) {
    return weights == nullptr ? 1.0 : weights[i];
  };
  LinearMetricsSum block(columns, loss_);
  const bool has_own =
      std::holds_alternative<QuantileLoss>(loss_) || std::holds_alternative<PoissonLoss>(loss_);
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    first = block.weight_ > 0.0 ? first : i;
    block.weight_ += weight_of(i);
  }
  for (std::int64_t o = 0; o < columns && block.weight_ > 0.0; ++o) {
    Output& output = block.outputs_[static_cast<std::size_t>(o)];
    const double origin = targets[first * columns + o];
    for (std::int64_t i = 0; i < rows; ++i) {
      output.mean += weight_of(i) * (targets[i * columns + o] - origin);
    }
    output.mean = origin + output.mean / block.weight_;
    for (std::int64_t i = 0; i < rows; ++i) {
      const double weight = weight_of(i);
      const double target = targets[i * columns + o];
      const double gap = target - output.mean;
      const double error = predictions[i * columns + o] - target;
      output.spread += weight * gap * gap;
      output.squared_error += weight * error * error;
      output.absolute_error += weight * std::fabs(error);
    }
    for (std::int64_t i = 0; has_own && i < rows; ++i) {
      const std::int64_t at = i * columns + o;
      output.own_loss += weight_of(i) * own_loss(loss_, predictions[at], targets[at]);
    }
  }
  merge(block);
  for (std::int64_t i = 0; i < rows && !bins_.empty(); ++i) {
    for (std::size_t o = 0; o < bins_.size(); ++o) {
      const std::size_t at = static_cast<std::size_t>(i * columns) + o;
      bins_[o].add(predictions[at], targets[at], weight_of(i));
    }
  }
}

void LinearMetricsSum::merge(const LinearMetricsSum& other) {
  if (!(other.weight_ > 0.0)) {
    return;  // its share of a weight still 0 would be 0 / 0
  }
  const double weight = weight_ + other.weight_;
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    Output& output = outputs_[o];
    const Output& added = other.outputs_[o];
    const double gap = added.mean - output.mean;
    output.mean += gap * (other.weight_ / weight);
    output.spread += added.spread + gap * gap * (weight_ * other.weight_ / weight);
    output.squared_error += added.squared_error;
    output.absolute_error += added.absolute_error;
    output.own_loss += added.own_loss;
  }
  weight_ = weight;
  for (std::size_t o = 0; o < std::min(bins_.size(), other.bins_.size()); ++o) {
    bins_[o].merge(other.bins_[o]);
  }
}

LinearMetrics LinearMetricsSum::result() const {
  LinearMetrics metrics;
  const double share = 1.0 / static_cast<double>(outputs_.size());
  for (const Output& output : outputs_) {
    metrics.mse += share * output.squared_error / weight_;
    metrics.mae += share * output.absolute_error / weight_;
    metrics.r2 += share * (output.spread > 0.0 ? 1.0 - output.squared_error / output.spread
                                               : std::numeric_limits<double>::quiet_NaN());
  }
  metrics.rmse = std::sqrt(metrics.mse);
  double own = 0.0;
  for (const Output& output : outputs_) {
    own += share * output.own_loss / weight_;
  }
  if (std::holds_alternative<QuantileLoss>(loss_)) {
    metrics.pinball_loss = own;
  } else if (std::holds_alternative<PoissonLoss>(loss_)) {
    metrics.poisson_deviance = own;
  }
  return metrics;
}

SoftmaxMetricsSum::SoftmaxMetricsSum(std::int64_t classes)
    : classes_(classes), bins_(bins), confusion_(static_cast<std::size_t>(classes * classes)) {}

void SoftmaxMetricsSum::add(const double* scores, const std::int32_t* labels, const double* weights,
                            std::int64_t rows) {
  for (std::int64_t i = 0; i < rows; ++i, scores += classes_) {
    const double weight = weights == nullptr ? 1.0 : weights[i];
    const std::int32_t label = labels[i];
    const std::int64_t top = std::max_element(scores, scores + classes_) - scores;
    double total = 0.0;
    for (std::int64_t c = 0; c < classes_; ++c) {
      total += std::exp(scores[c] - scores[top]);
    }
    double squares = 0.0;
    for (std::int64_t c = 0; c < classes_; ++c) {
      const double gap = std::exp(scores[c] - scores[top]) / total - (c == label ? 1.0 : 0.0);
      squares += gap * gap;
    }
    const double confidence = 1.0 / total;
    const bool right = top == label;
    weight_ += weight;
    log_loss_ += weight * (std::log(total) + scores[top] - scores[label]);
    correct_ += right ? weight : 0.0;
    brier_ += weight * squares;
    // Bins are (lower, upper]: a confidence of exactly 1/3 belongs to the bin that ends there.
    // Scores of a run that diverged may have none.
    const int bin =
        confidence > 0.0
            ? std::clamp(static_cast<int>(std::ceil(confidence * bins)) - 1, 0, bins - 1)
            : 0;
    Bin& into = bins_[static_cast<std::size_t>(bin)];
    into.weight += weight;
    into.confidence += weight * confidence;
    into.correct += right ? weight : 0.0;
    confusion_[static_cast<std::size_t>(label * classes_ + top)] += weight;
  }
}

void SoftmaxMetricsSum::merge(const SoftmaxMetricsSum& other) {
  weight_ += other.weight_;
  log_loss_ += other.log_loss_;
  correct_ += other.correct_;
  brier_ += other.brier_;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    bins_[bin].weight += other.bins_[bin].weight;
    bins_[bin].confidence += other.bins_[bin].confidence;
    bins_[bin].correct += other.bins_[bin].correct;
  }
  for (std::size_t i = 0; i < confusion_.size(); ++i) {
    confusion_[i] += other.confusion_[i];
  }
}

SoftmaxMetrics SoftmaxMetricsSum::result() const {
  SoftmaxMetrics metrics;
  metrics.log_loss = log_loss_ / weight_;
  metrics.accuracy = correct_ / weight_;
  metrics.brier = brier_ / weight_;
  for (const Bin& bin : bins_) {
    metrics.ece += std::fabs(bin.correct - bin.confidence) / weight_;
  }
  return metrics;
}

Diagnostics SoftmaxMetricsSum::diagnostics() const {
  Diagnostics found;
  found.confusion = confusion_;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    const Bin& bin = bins_[i];
    const double share = bin.weight > 0.0 ? 1.0 / bin.weight : 0.0;
    found.confidence.push_back({static_cast<double>(i) / bins, static_cast<double>(i + 1) / bins,
                                bin.weight, bin.confidence * share, bin.correct * share});
  }
  return found;
}

}  // namespace steepest
