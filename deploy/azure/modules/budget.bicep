// What a month may cost, and who is told at 50, 80 and 100 % of it.
param prefix string
param amount int
@description('The first day of a month, as 2026-11-01. Azure refuses to change it later.')
param start string
param email string

var shares = [50, 80, 100]

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: '${prefix}-month'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: '${start}T00:00:00Z' }
    notifications: toObject(shares, share => 'share${share}', share => {
      enabled: true
      operator: 'GreaterThanOrEqualTo'
      threshold: share
      thresholdType: 'Actual'
      contactEmails: [email]
    })
  }
}
