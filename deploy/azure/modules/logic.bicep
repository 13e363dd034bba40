// Optional: a Logic App that announces each round, for who prefers it to the scheduled job `due`.
param prefix string
param location string
param tags object
param workName string
param workQueueUrl string
@description('How many minutes after the hour: readings may still arrive until then.')
@minValue(1)
@maxValue(59)
param minute int

var sender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a' // Storage Queue Data Message Sender
var hour = 'formatDateTime(addHours(utcNow(), -1), \'yyyy-MM-ddTHH\')'
var event = {
  id: '@{guid()}'
  topic: prefix
  subject: '/blobServices/default/containers/readings/blobs/@{${hour}}'
  eventType: 'Impasto.WindowDue'
  eventTime: '@{utcNow()}'
  dataVersion: ''
  data: { api: '', url: '', eTag: '', contentLength: 0 }
}

resource arrivals 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' existing = {
  name: '${workName}/default/arrivals'
}

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: '${prefix}-rounds'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      triggers: {
        hourly: {
          type: 'Recurrence'
          recurrence: { frequency: 'Hour', interval: 1, timeZone: 'UTC', schedule: { minutes: [minute] } }
        }
      }
      actions: {
        announce: {
          type: 'Http'
          inputs: {
            method: 'POST'
            uri: '${workQueueUrl}arrivals/messages?messagettl=-1'
            headers: { 'x-ms-version': '2025-11-05', 'Content-Type': 'application/xml' }
            body: '<QueueMessage><MessageText>@{base64(string(outputs(\'message\')))}</MessageText></QueueMessage>'
            authentication: { type: 'ManagedServiceIdentity', audience: 'https://storage.azure.com/' }
          }
          runAfter: { message: ['Succeeded'] }
        }
        message: { type: 'Compose', inputs: event }
      }
    }
  }
}

resource sending 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, 'logic', 'arrivals')
  scope: arrivals
  properties: {
    principalId: workflow.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sender)
  }
}
