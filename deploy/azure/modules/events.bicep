// Event Grid announces what is dropped: videos to `arrivals`, paintings to `lessons`.
param prefix string
param location string
param tags object
param mediaId string
param workId string
param workName string

var sender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a' // Storage Queue Data Message Sender
var contributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var routes = [
  { container: 'input', queue: 'arrivals' }
  { container: 'styles', queue: 'lessons' }
]

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${prefix}-media'
  location: location
  tags: tags
  // Behind the firewall of storage, only the topic's own identity is trusted.
  identity: { type: 'SystemAssigned' }
  properties: {
    source: mediaId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' existing = [for route in routes: {
  name: '${workName}/default/${route.queue}'
}]

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' existing = {
  name: '${workName}/default/dead-letters'
}

resource sending 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (route, i) in routes: {
  name: guid(resourceGroup().id, 'events', route.queue)
  scope: queues[i]
  properties: {
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sender)
  }
}]

resource burying 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, 'events', 'dead-letters')
  scope: deadLetters
  properties: {
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', contributor)
  }
}

resource subscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for route in routes: {
  parent: topic
  name: route.container
  dependsOn: [sending, burying]
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/${route.container}/blobs/'
      isSubjectCaseSensitive: true
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose']
        }
      ]
    }
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: workId
          queueName: route.queue
          queueMessageTimeToLiveInSeconds: -1 // else a message is gone after a week
        }
      }
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: workId, blobContainerName: 'dead-letters' }
      }
    }
    retryPolicy: { eventTimeToLiveInMinutes: 1440, maxDeliveryAttempts: 30 }
  }
}]

output topicId string = topic.id
