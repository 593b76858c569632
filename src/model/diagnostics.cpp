// SPDX-License-Identifier: Apache-2.0
#include "steepest/diagnostics.hpp"

#include <cmath>

namespace steepest {
namespace {

constexpr std::int64_t grid_bins = 128;
constexpr double grid_deviations = 6.0;  // of the targets, that a grid covers before it grows
constexpr std::int64_t residual_bins = 2048;
constexpr double first_residual_width = 1e-12;  // deviations of the targets

// Of a bin around the centre, after the width has doubled.
std::int64_t halved(std::int64_t bin, std::int64_t bins) {
  const std::int64_t half = bins / 2;
  const std::int64_t from_centre = bin - half;
  return (from_centre >= 0 ? from_centre / 2 : (from_centre - 1) / 2) + half;
}

// Whole bins below the centre.
double half_of(std::int64_t bins) {
  const std::int64_t half = bins / 2;
  return static_cast<double>(half);
}

// The bin of a value, or nothing where it lies outside.
bool bin_of(double value, double centre, double width, std::int64_t bins, std::int64_t& bin) {
  const double place = std::floor((value - centre) / width) + half_of(bins);
  if (!(place >= 0.0 && place < static_cast<double>(bins))) {
    return false;
  }
  bin = static_cast<std::int64_t>(place);
  return true;
}

double usable(double scale) { return scale > 0.0 && std::isfinite(scale) ? scale : 1.0; }

}  // namespace

GrowingHistogram::GrowingHistogram(double centre, double width, std::int64_t bins)
    : centre_(centre), width_(width), weights_(static_cast<std::size_t>(bins)) {}

void GrowingHistogram::grow() {
  width_ *= 2.0;
  if (empty_) {
    return;
  }
  const auto bins = static_cast<std::int64_t>(weights_.size());
  std::vector<double> merged(weights_.size());
  for (std::int64_t i = 0; i < bins; ++i) {
    merged[static_cast<std::size_t>(halved(i, bins))] += weights_[static_cast<std::size_t>(i)];
  }
  weights_ = std::move(merged);
}

void GrowingHistogram::add(double value, double weight) {
  if (!std::isfinite(value)) {
    return;
  }
  std::int64_t bin = 0;
  while (!bin_of(value, centre_, width_, static_cast<std::int64_t>(weights_.size()), bin)) {
    grow();
  }
  weights_[static_cast<std::size_t>(bin)] += weight;
  empty_ = false;
}

void GrowingHistogram::merge(const GrowingHistogram& other) {
  if (other.empty_) {
    return;
  }
  while (width_ < other.width_) {
    grow();
  }
  GrowingHistogram added = other;
  while (added.width_ < width_) {
    added.grow();
  }
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] += added.weights_[i];
  }
  empty_ = false;
}

double GrowingHistogram::lower() const { return centre_ - width_ * half_of(std::ssize(weights_)); }

GrowingGrid::GrowingGrid(double centre, double width, std::int64_t bins)
    : centre_(centre),
      width_(width),
      bins_(bins),
      weights_(static_cast<std::size_t>(bins * bins)) {}

void GrowingGrid::grow() {
  width_ *= 2.0;
  if (empty_) {
    return;
  }
  std::vector<double> merged(weights_.size());
  for (std::int64_t i = 0; i < bins_; ++i) {
    for (std::int64_t j = 0; j < bins_; ++j) {
      merged[static_cast<std::size_t>(halved(i, bins_) * bins_ + halved(j, bins_))] +=
          weights_[static_cast<std::size_t>(i * bins_ + j)];
    }
  }
  weights_ = std::move(merged);
}

void GrowingGrid::add(double x, double y, double weight) {
  if (!std::isfinite(x) || !std::isfinite(y)) {
    return;
  }
  std::int64_t row = 0;
  std::int64_t column = 0;
  while (!bin_of(x, centre_, width_, bins_, row) || !bin_of(y, centre_, width_, bins_, column)) {
    grow();
  }
  weights_[static_cast<std::size_t>(row * bins_ + column)] += weight;
  empty_ = false;
}

void GrowingGrid::merge(const GrowingGrid& other) {
  if (other.empty_) {
    return;
  }
  while (width_ < other.width_) {
    grow();
  }
  GrowingGrid added = other;
  while (added.width_ < width_) {
    added.grow();
  }
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] += added.weights_[i];
  }
  empty_ = false;
}

double GrowingGrid::lower() const { return centre_ - width_ * half_of(bins_); }

PredictionBins::PredictionBins(double centre, double scale)
    : pairs(centre, usable(scale) * grid_deviations / static_cast<double>(grid_bins), grid_bins),
      residuals(0.0, usable(scale) * first_residual_width, residual_bins) {}

void PredictionBins::add(double prediction, double target, double weight) {
  pairs.add(target, prediction, weight);
  residuals.add(prediction - target, weight);
}

void PredictionBins::merge(const PredictionBins& other) {
  pairs.merge(other.pairs);
  residuals.merge(other.residuals);
}

}  // namespace steepest
