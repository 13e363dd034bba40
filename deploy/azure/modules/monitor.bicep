// Logs with a daily cap, alerts by mail, and a workbook.
param prefix string
param location string
param tags object
param email string
@description('The most logs that are taken in a day, in GB.')
param dailyLogsGb int
param mediaId string
param workId string
param topicId string
@description('The environment of the services; empty while there is none.')
param environmentName string
@description('Whether the dispatcher starts workers on a cluster, so that it knows how they fare.')
param cluster bool

var hasApps = !empty(environmentName)
// Looked for every quarter of an hour; one line of the log is enough for a mail.
var fromLines = filter(loadJsonContent('../../alerts.json').rules, rule => contains(rule, 'kusto'))
var logAlerts = filter(fromLines, rule => cluster || !contains(rule, 'cluster'))

var anyLine = {
  timeAggregation: 'Count'
  operator: 'GreaterThan'
  threshold: 0
  failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
}
var deadLettered = {
  'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
  allOf: [
    {
      criterionType: 'StaticThresholdCriterion'
      name: 'dead-lettered'
      metricName: 'DeadLetteredCount'
      timeAggregation: 'Total'
      operator: 'GreaterThan'
      threshold: 0
    }
  ]
}
var messages = {
  'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
  allOf: [
    {
      criterionType: 'StaticThresholdCriterion'
      name: 'messages'
      metricName: 'QueueMessageCount'
      timeAggregation: 'Minimum'
      operator: 'GreaterThan'
      threshold: 0
    }
  ]
}

resource logs 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: prefix
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    workspaceCapping: { dailyQuotaGb: dailyLogsGb }
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: prefix
  location: location
  tags: tags
  kind: 'other'
  properties: {
    Application_Type: 'other'
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: logs.id
  }
}

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${prefix}-mail'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: take(prefix, 12)
    emailReceivers: [{ name: 'operator', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' existing = if (hasApps) {
  name: environmentName
}

// Of this type, the stable version: its one setting has to have this name.
resource environmentLogs 'microsoft.insights/diagnosticSettings@2016-09-01' = if (hasApps) {
  name: 'service'
  scope: environment
  location: location
  properties: {
    workspaceId: logs.id
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

resource media 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: last(split(mediaId, '/'))
}

resource mediaBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' existing = {
  parent: media
  name: 'default'
}

// Who dropped, fetched or deleted what, and who was refused. Not of `work`: each shard would be a line.
resource mediaLogs 'microsoft.insights/diagnosticSettings@2016-09-01' = {
  name: 'service'
  scope: mediaBlobs
  location: location
  properties: {
    workspaceId: logs.id
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource fromLogs 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for alert in hasApps ? logAlerts : []: {
  name: '${prefix}-${alert.name}'
  location: location
  tags: tags
  dependsOn: [environmentLogs]
  kind: 'LogAlert'
  properties: {
    displayName: '${prefix}: ${alert.name}'
    description: '${alert.what} ${alert.do}'
    enabled: true
    severity: alert.severity
    scopes: [logs.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: true
    skipQueryValidation: true // the tables are made when the first line comes
    criteria: { allOf: [union(anyLine, { query: alert.kusto })] }
    actions: { actionGroups: [group.id] }
  }
}]

resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${prefix}-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not put an event into its queue; the event is in the container dead-letters.'
    enabled: true
    severity: 1
    scopes: [topicId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: deadLettered
    actions: [{ actionGroupId: group.id }]
  }
}

// Storage has no metric of a message's age: messages that stay for six hours stand for it.
resource waiting 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${prefix}-waiting'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages have been in queues for six hours without a break, those in poison included.'
    enabled: true
    severity: 2
    scopes: ['${workId}/queueServices/default']
    evaluationFrequency: 'PT1H'
    windowSize: 'PT6H'
    autoMitigate: true
    criteria: messages
    actions: [{ actionGroupId: group.id }]
  }
}

var accounts = [
  { name: 'media', id: mediaId }
  { name: 'work', id: workId }
]
var answers = [
  { name: 'refused', types: ['AuthorizationError', 'AuthenticationError', 'AuthorizationPermissionMismatch'], most: 20, description: 'Storage answers 401 or 403: a role is missing, or somebody tries keys.' }
  { name: 'throttled', types: ['ServerBusyError', 'ClientThrottlingError', 'ClientAccountRequestThrottlingError', 'ClientAccountBandwidthThrottlingError'], most: 100, description: 'Storage throttles: too many requests for one queue or for the account.' }
]
var answersOfAccounts = flatten(map(accounts, account => map(answers, answer => {
  name: '${account.name}-${answer.name}'
  description: answer.description
  id: account.id
  criteria: {
    'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
    allOf: [
      {
        criterionType: 'StaticThresholdCriterion'
        name: 'answers'
        metricName: 'Transactions'
        dimensions: [{ name: 'ResponseType', operator: 'Include', values: answer.types }]
        timeAggregation: 'Total'
        operator: 'GreaterThan'
        threshold: answer.most
      }
    ]
  }
})))

resource fromStorage 'Microsoft.Insights/metricAlerts@2026-01-01' = [for each in answersOfAccounts: {
  name: '${prefix}-${each.name}'
  location: 'global'
  tags: tags
  properties: {
    description: each.description
    enabled: true
    severity: 2
    scopes: [each.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: each.criteria
    actions: [{ actionGroupId: group.id }]
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: prefix
    category: 'workbook'
    sourceId: logs.id
    serializedData: loadTextContent('../workbook.json')
  }
}

output logsId string = logs.id
output insightsId string = insights.id
